/** A change of one line of the engine, after which the engine breaks a promise. */
export interface Mutation {
  readonly title: string
  /** The file, from `src/core`. */
  readonly file: string
  /** Text that is in the file exactly once. */
  readonly find: string
  readonly replace: string
  /**
   * The tests to run when no scene catches it. Default: those of the core and of conformance that need no real time.
   */
  readonly tests?: readonly string[]
}

const DECIDE = 'group/decide.ts'
const LIFECYCLE = 'group/group-lifecycle.ts'
const STATES = 'group/member-states.ts'
const SHUTDOWN = 'group/group-shutdown.ts'

const starts: readonly Mutation[] = [
  {
    title: 'all services begin at once',
    file: 'group/members.ts',
    find: 'member.ahead = this.#countAhead(member)',
    replace: 'member.ahead = 0',
  },
  {
    title: 'a service begins although a dependency is not ready',
    file: DECIDE,
    find: 'if (!itsTurn || dependencies.some(node => holdsUp(group.at(node).state, one))) return undefined',
    replace: 'if (!itsTurn) return undefined',
  },
  {
    title: 'a service that comes back waits for a dependency that is over',
    file: DECIDE,
    find: '!isReady(other) && !(one.returning && isFinal(other))',
    replace: '!isReady(other)',
  },
  {
    title: 'the start of the group waits for an optional service that is restarted',
    file: DECIDE,
    find: "isSettled(state) || (optional && (state.phase === 'backoff' || (state.phase === 'starting' && state.attempt > 1)))",
    replace: 'isSettled(state)',
  },
  {
    title: 'the group says that it runs before the last service has come up',
    file: DECIDE,
    find: 'group.coming === 0',
    replace: 'group.coming <= 1',
  },
  {
    title: 'a service whose dependency is over goes on waiting',
    file: 'group/group-facts.ts',
    find: 'leaving ? NOTHING.lost : lostWith(member, this.members)',
    replace: 'NOTHING.lost',
  },
]

const shutdowns: readonly Mutation[] = [
  {
    title: 'dependencies drain before their dependents',
    file: LIFECYCLE,
    find: "turn(shutdown.step === 'drain' ? 'drain' : 'stop')",
    replace: "turn(shutdown.step === 'drain' ? 'start' : 'stop')",
  },
  {
    title: 'a service that still drains counts as drained',
    file: DECIDE,
    find: "return one.state.phase === 'draining' ? undefined : 'pass'",
    replace: "return 'pass'",
  },
  {
    title: 'a group with nothing to drain says that it is drained',
    file: LIFECYCLE,
    find: "if (facts.phase === 'draining') this.#say({ phase: 'drained' })",
    replace: "this.#say({ phase: 'drained' })",
  },
  {
    title: 'services stop once their dependents are gone',
    file: LIFECYCLE,
    find: "turn(shutdown.step === 'drain' ? 'drain' : 'stop')",
    replace: "turn('drain')",
  },
  {
    title: 'a service that is stopping counts as gone',
    file: DECIDE,
    find: "if (isFinal(one.state)) return 'pass'",
    replace: "if (isFinal(one.state) || one.state.phase === 'stopping') return 'pass'",
  },
  {
    title: 'services are not forced',
    file: DECIDE,
    find: "return isAlive(one) && one.told !== 'force' ? 'force' : stop(one)",
    replace: 'return stop(one)',
    tests: ['test/conformance/stop.test.ts', 'test/conformance/order.test.ts', 'test/conformance/deadline.test.ts'],
  },
  {
    title: 'a group takes a step that is below the last one',
    file: SHUTDOWN,
    find: ' || reaches(this.#latest?.step, shutdown.step)) return',
    replace: ') return',
  },
  {
    title: 'a service is told a step again',
    file: 'steps.ts',
    find: 'if (atLeast(this.latest, shutdown.step)) return',
    replace: '',
    tests: ['test/core/steps.test.ts'],
  },
  {
    title: 'the timer of the shutdown is left behind',
    file: SHUTDOWN,
    find: 'this.#all.add(after(clock, clocks.shutdownTimeout, () => this.#arrive(force)))',
    replace: 'after(clock, clocks.shutdownTimeout, () => this.#arrive(force))',
  },
]

const restarts: readonly Mutation[] = [
  {
    title: 'a restart set goes down all at once',
    file: DECIDE,
    find: 'if (one.aheadInSet > 0) return undefined',
    replace: '',
  },
  {
    title: 'a service comes up before all of its restart set are down',
    file: DECIDE,
    find: ' && !(one.inSet && group.goingDown > 0)',
    replace: '',
  },
  {
    title: 'services of one-for-all do not wait for one another in backoff',
    file: 'group/restart-set.ts',
    find: "return this.#strategy === 'one-for-all' && member.restartsItself && !member.held",
    replace: 'return false',
  },
  {
    title: 'a failure restarts no other service',
    file: DECIDE,
    find: "if (one.restartsOthers) return 'restart-others'",
    replace: '',
    tests: ['test/conformance/strategies.test.ts'],
  },
  {
    title: 'a temporary service comes back with the others',
    file: 'group/restarts.ts',
    find: 'if (endsTemporary && member.entry.temporary && !isFinal(member.state)) member.endForGood(reason)',
    replace: '',
    tests: ['test/conformance/strategies.test.ts', 'test/conformance/restart.test.ts'],
  },
  {
    title: 'a service that was taken down does not come back',
    file: STATES,
    find: 'member.rewind()\n      if (member.inSet)',
    replace: 'if (member.inSet)',
  },
  {
    title: 'a service that is to end for good is restarted',
    file: 'group/member.ts',
    find: "if (this.wanted === 'gone') return",
    replace: '',
  },
  {
    title: 'the restart set is kept when the group shuts down',
    file: 'group/restarts.ts',
    find: 'for (const member of this.set.members) this.set.leave(member)',
    replace: '',
  },
  {
    title: 'the timer of a restart is left behind',
    file: 'behaviors/restart.ts',
    find: 'told.unsubscribe()\n        wait?.unsubscribe()',
    replace: 'told.unsubscribe()',
  },
]

const changes: readonly Mutation[] = [
  {
    title: 'a removed service stays in the status',
    file: STATES,
    find: 'this.#journal.remove(member.path)\n',
    replace: '',
  },
  {
    title: 'a service that is stopped by hand goes before its dependents',
    file: DECIDE,
    find: 'if (awaitsDependents(one, group)) return undefined',
    replace: '',
  },
  {
    title: 'a service that is stopped by hand is not looked at once its dependents are gone',
    file: STATES,
    find: 'this.#members.lookAtAll(this.#members.list',
    replace: 'if (false) this.#members.lookAtAll(this.#members.list',
  },
  {
    title: 'a service that is stopped by hand does not wait for dependents of a dependent that is over',
    file: DECIDE,
    find: 'if (isFinal(state)) for (const other of dependents[next]!) nodes.add(other)',
    replace: 'if (isFinal(state)) continue',
  },
  {
    title: 'a service that was stopped by hand counts as ended',
    file: 'group/group-facts.ts',
    find: 'isFinal(state) && !observer && stoppedWith === undefined',
    replace: 'isFinal(state) && !observer',
  },
  {
    title: 'a restart does not begin the services that were stopped with it',
    file: 'group/restarts.ts',
    find: 'couldNotStart(other) || other.stoppedWith === member',
    replace: 'couldNotStart(other)',
    tests: ['test/conformance/stop-by-hand.test.ts'],
  },
  {
    title: 'a removal waits although the group is over',
    file: 'group/asks.ts',
    find: '!member.removed || (lifecycle.leaving && isFinal(member.state))',
    replace: '!member.removed',
  },
]

const nested: readonly Mutation[] = [
  {
    title: 'an outer group acts before the group inside it',
    file: 'group/inbox.ts',
    find: 'group.depth > deepest.depth',
    replace: 'group.depth < deepest.depth',
  },
  {
    title: 'a nested group keeps a clock of its own in the shutdown of the outer group',
    file: SHUTDOWN,
    find: 'if (!this.#options.endsWithHolder()) this.#armTimeout(shutdown)',
    replace: 'this.#armTimeout(shutdown)',
    tests: ['test/conformance/deadline.test.ts'],
  },
  {
    title: 'the shutdown timeout of a nested group does not run at its own turn',
    file: SHUTDOWN,
    find: "if (this.#endsAt === undefined && shutdown.step === 'stop')",
    replace: 'if (false)',
    tests: ['test/conformance/deadline.test.ts'],
  },
  {
    title: 'the inbox stays held after an error',
    file: 'group/inbox.ts',
    find: 'this.#act()\n      return result\n    } finally {\n      this.#held = false\n    }',
    replace: 'this.#act()\n      this.#held = false\n      return result\n    } finally {\n    }',
    tests: ['test/core/group/inbox.test.ts'],
  },
]

export const mutations: readonly Mutation[] = [starts, shutdowns, restarts, changes, nested].flat()
