import type { GroupStatus, ServiceGroup, ServiceState, Shutdown, Step } from 'rx-service-group'
import { ReplaySubject } from 'rxjs'
import { HandClock } from './hand-clock.ts'
import type { HeldService, Holder } from './held-service.ts'
import { Builder, type Level } from './level.ts'
import { Rules } from './rules.ts'
import { type Moment, RESTART_DELAY, type Scene } from './scene.ts'
import { uncaughtDuring } from './uncaught.ts'
import { isOver, wordOf } from './words.ts'

/** A call by a listener: at the event of this number after the input. */
interface Late {
  readonly call: string
  left: number
}

/** A member of a group: a service, or a group with what is in it. */
export interface Place {
  readonly level: Level
  readonly name: string
}

/** `b:up@2>stop`: the input `b:up`, and `stop` called by a listener at the third event that it causes. */
const INPUT = /^(.+?)(?:@(\d+)>(.+))?$/

/** One scene as it is played: the group, its services and timers, and what became of each call. */
export class World implements Holder {
  readonly scene: Scene
  readonly timers = new HandClock()
  readonly rules = new Rules(this)
  readonly group: ServiceGroup<string, string>
  /** What became of each call: `pending`, `done`, or the code of its error. */
  readonly calls = new Map<string, string>()
  /** The streams that have not completed. */
  readonly open = new Set(['events$', 'status$'])
  latest: GroupStatus | undefined
  readonly #inputs: string[] = []
  readonly #builder: Builder
  readonly #steps$ = new ReplaySubject<Shutdown>(1)
  #step: Step | undefined
  #late: Late | undefined
  /** A lifecycle that the exploration subscribed: whether it is over. */
  #gone = false

  /** At most so many incarnations of one service may have begun: one, and one more for each reason to restart it. */
  mayBegin = 1

  /** @param isHeard whether anybody listens to what the group tells */
  constructor(scene: Scene, isHeard = true) {
    this.scene = scene
    this.#builder = new Builder(scene, this.timers, this)
    this.group = this.#builder.levels.get('g')!.group
    if (isHeard) this.#listen()
  }

  #listen(): void {
    const { hears } = this.scene
    this.group.events$.subscribe({
      next: event => {
        this.rules.heard(event)
        if (event.kind === 'removed') this.levelOf(event.path).drop(event.path.slice(event.path.lastIndexOf('/') + 1))
        if (hears === undefined) this.#hear()
      },
      complete: () => this.open.delete('events$'),
    })
    this.group.status$.subscribe({
      next: status => {
        this.latest = status
      },
      complete: () => this.open.delete('status$'),
    })
    if (hears !== undefined) this.#builder.levels.get(`g/${hears}`)!.group.events$.subscribe(() => this.#hear())
  }

  get held(): readonly HeldService[] {
    return [...this.#builder.held.values()]
  }

  heldAt(path: string): HeldService | undefined {
    return this.#builder.held.get(path)
  }

  /** The group that a service is in. */
  levelOf(path: string): Level {
    return this.#builder.levels.get(path.slice(0, path.lastIndexOf('/')))!
  }

  /** Where a service is, and where each group is that it is in, from the inside out. */
  placesOf(path: string): readonly Place[] {
    const places: Place[] = []
    for (let at = path; at !== 'g'; at = at.slice(0, at.lastIndexOf('/')))
      places.push({ level: this.levelOf(at), name: at.slice(at.lastIndexOf('/') + 1) })
    return places
  }

  stateOf(path: string): ServiceState | undefined {
    return this.group.status.service(path)?.state
  }

  /** Something of a service, or of the services inside it, is there and has not been abandoned. */
  isThere(path: string): boolean {
    const isThere = (held: HeldService): boolean => held.present && !isOver(this.stateOf(held.path)!)
    return this.held.some(held => (held.path === path || held.path.startsWith(`${path}/`)) && isThere(held))
  }

  get isOver(): boolean {
    return this.#gone || isOver(this.group.status.group.state)
  }

  began(held: HeldService, again: boolean): void {
    this.rules.began(held, again)
  }

  told(held: HeldService, shutdown: Shutdown): void {
    this.rules.told(held, shutdown)
  }

  moment(held: HeldService, moment: Moment): void {
    const call = held.placing.inside?.[moment]
    const name = `${held.name} in ${moment}: ${call}`
    if (call !== undefined && !this.calls.has(name)) this.#call(call, name)
  }

  /** Each service that has been asked for something can do it. */
  get answers(): readonly string[] {
    return this.held.filter(canAnswer).map(({ path }) => `${path}:answer`)
  }

  /** All that may happen next, without what listeners do. */
  get inputs(): readonly string[] {
    if (this.isOver) return []
    const { mortal } = this.scene
    const dying = this.held.filter(({ name, present }) => present && (mortal?.includes(name) ?? true))
    const deaths = dying.flatMap(held => [
      `${held.path}:fail`,
      ...(held.phase === 'running' ? [`${held.path}:end`] : []),
    ])
    return [...this.answers, ...deaths, ...this.fires, ...this.#freeCalls(this.scene.calls).map(call => `call:${call}`)]
  }

  get fires(): readonly string[] {
    return [...new Set(this.timers.waiting)].map(ms => `timer:${ms}`)
  }

  /** The calls that listeners may make. */
  get lateCalls(): readonly string[] {
    return (this.scene.late ?? []).filter(call => !this.calls.has(call))
  }

  /** Returns false when a call that a listener was to make has not been made. */
  do(input: string): boolean {
    const [, base = '', at, call] = INPUT.exec(input)!
    this.#late = call === undefined ? undefined : { call, left: Number(at) }
    this.#inputs.push(input)
    const { broken } = this.rules
    uncaughtDuring(
      () => this.#act(base),
      error => broken.push(`uncaught: ${error instanceof Error ? error.stack : String(error)}`),
    )
    return this.#late === undefined
  }

  /** The group is told to end for good, by its leader. */
  end(): void {
    this.do(this.scene.lead === 'steps' && this.#step !== 'stop' ? 'call:tell stop' : 'call:stop')
  }

  /** The group has been told to end. */
  get isTold(): boolean {
    return this.calls.has('stop') || this.calls.has('force') || this.#step === 'stop' || this.#step === 'force'
  }

  /** The leader of the group has still to tell it to stop. */
  get isHalfWay(): boolean {
    return !this.isTold && this.#step !== undefined
  }

  /** What tells this situation from others. */
  get key(): string {
    const services = this.group.status.list.map(
      ({ path, state, restarts }) => `${path} ${wordOf(state)} ${restarts} ${this.heldAt(path)?.describe() ?? ''}`,
    )
    const { state } = this.group.status.group
    const calls = [...this.calls].map(([call, result]) => `${call}=${result}`).sort()
    // Nothing follows the end, so what led to it makes no difference.
    const inputs = this.isOver ? '' : [...this.#inputs].sort().join()
    const told = [wordOf(state), this.#step, this.#gone, this.timers.waiting.toSorted().join(), ...calls]
    return [...told, ...services, inputs].join('|')
  }

  #freeCalls(calls: readonly string[] = []): readonly string[] {
    const steps =
      this.scene.lead === 'steps' && this.calls.has('start') ? STEPS.slice(STEPS.indexOf(this.#step!) + 1) : []
    return ['start', ...calls, ...steps.map(step => `tell ${step}`)].filter(call => !this.calls.has(call))
  }

  #act(input: string): void {
    const [who = '', what] = input.split(':')
    if (who === 'call') return this.#call(what!)
    // What made a restart due has been counted.
    if (what !== 'answer' && what !== String(RESTART_DELAY)) this.mayBegin++
    if (who === 'timer') return this.timers.fire(this.timers.waiting.indexOf(Number(what)))
    const held = this.heldAt(who)!
    if (what === 'answer') held.answer()
    else if (what === 'fail') held.fail()
    else held.end()
  }

  #hear(): void {
    const late = this.#late
    if (!late || late.left-- > 0) return
    this.#late = undefined
    this.#call(late.call)
  }

  #call(call: string, name = call): void {
    this.calls.set(name, 'pending')
    const settle = (result: string): void => {
      this.calls.set(name, result)
      this.rules.settled(call, result, name !== call)
    }
    try {
      const made = this.#make(call)
      if (!made) this.calls.set(name, 'done')
      else
        made.then(
          () => settle('done'),
          (error: unknown) => settle(codeOf(error)),
        )
    } catch (error) {
      this.calls.set(name, codeOf(error))
    }
  }

  #make(call: string): Promise<unknown> | undefined {
    const [, inner, verb, target = ''] = CALL.exec(call)!
    const level = this.#builder.levels.get(inner === undefined ? 'g' : `g/${inner}`)!
    const { group } = level
    switch (verb) {
      case 'start':
        return this.scene.lead === 'steps' ? this.#lead() : group.start()
      case 'stop':
        if (target !== '') return group.service(target).stop()
        // The reason tells which group was called.
        return group.stop(inner)
      case 'force':
        return group.stop({ reason: inner, force: true })
      case 'restart':
        this.mayBegin++
        return group.restart(target)
      case 'renew':
        this.mayBegin++
        return group.restart(target, { dependents: false })
      case 'remove':
        return group.remove(target)
      case 'add':
        this.#builder.add(level, this.scene.later!.find(({ name }) => name === target)!)
        return undefined
      default:
        this.#step = target as Step
        this.#steps$.next({ step: this.#step, reason: { by: 'call' } })
        return undefined
    }
  }

  /** Plays the part of an outer group: subscribes to the lifecycle, and leaves it once the group is abandoned. */
  #lead(): undefined {
    const over = (): void => {
      this.#gone = true
    }
    const life = this.group.lifecycle(this.#steps$).subscribe({
      next: state => {
        if (state.phase === 'stopped' && state.how === 'abandoned') over()
      },
      error: over,
      complete: over,
    })
    if (this.#gone) life.unsubscribe()
    return undefined
  }
}

const STEPS: readonly Step[] = ['unready', 'drain', 'stop', 'force']

const CALL = /^(?:(\w+)\.)?(\w+)(?: (.+))?$/

const canAnswer = ({ phase }: HeldService): boolean => ['starting', 'draining', 'stopping', 'lingering'].includes(phase)

/** An error without a code is that of a held service, or one of the engine's own. */
const codeOf = (error: unknown): string => {
  const { code, message } = error as { code?: string; message: string }
  return code ?? (message.endsWith(' failed') ? 'failed' : `${error instanceof Error ? error.stack : String(error)}`)
}
