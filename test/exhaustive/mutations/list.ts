/** One change of one line of the engine, after which it keeps some promise no longer. */
export interface Mutation {
  readonly title: string
  /** The file, from `src/core`. */
  readonly file: string
  /** Text that is in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** The tests to run when no scene catches it. Default: those of the core and of conformance that need no real time. */
  readonly tests?: readonly string[]
}

export const mutations: readonly Mutation[] = [
  {
    title: 'a service begins although what it depends on is away',
    file: 'group/waiting-room.ts',
    find: 'if (this.#isClear(member.node)) this.#letGo(member)',
    replace: 'this.#letGo(member)',
  },
  {
    title: 'services are told to stop in the order in which they started',
    file: 'group/life.ts',
    find: 'const back = walk(order.after,',
    replace: 'const back = walk(order.before,',
  },
  {
    title: 'dependents drain together with what they depend on',
    file: 'group/life.ts',
    find: 'walk(order.dependents, drain, order.declared)',
    replace: 'walk(order.declared.map(() => []), drain)',
  },
  {
    title: 'a step is told again',
    file: 'steps.ts',
    find: 'if (atLeast(this.latest, shutdown.step)) return',
    replace: '',
  },
  {
    title: 'services of one-for-all do not wait for one another in backoff',
    file: 'group/restarting.ts',
    find: "this.#options.strategy === 'one-for-all' ? this.#allHeld(circle) : EMPTY",
    replace: 'EMPTY',
  },
  {
    title: 'a service that was taken down does not come back',
    file: 'group/restarting.ts',
    find: 'if (this.#down.delete(member)) this.#options.begin(member)',
    replace: 'if (this.#down.delete(member)) return EMPTY',
  },
  {
    title: 'the timer of a restart is left behind',
    file: 'behaviors/restart.ts',
    find: 'this.#timer?.unsubscribe()\n    this.#steps?.unsubscribe()',
    replace: 'this.#steps?.unsubscribe()',
  },
  {
    title: 'a removed service stays in the status',
    file: 'group/changes.ts',
    find: 'this.#journal.remove(member.path)\n          this',
    replace: 'this',
  },
]
