import type { GroupEvent, GroupStatus, ServiceState, ServiceStatus, Shutdown, Step } from 'rx-service-group'
import { canFollow, foldStatus } from './engine.ts'
import type { HeldService } from './held-service.ts'
import { type Placing, RESTART_DELAY } from './scene.ts'
import { isLeaving, isOver, isReady, wordOf } from './words.ts'
import type { Place, World } from './world.ts'

const RANK: Readonly<Record<Step, number>> = { unready: 1, drain: 2, stop: 3, force: 4 }

const PASSED: readonly string[] = ['running', 'stopped', 'failed']

/** What a group promises, looked at from outside while it is played. */
export class Rules {
  readonly broken: string[] = []
  readonly #world: World
  readonly #phases = new Map<string, ServiceState['phase']>()
  #folded: GroupStatus | undefined

  constructor(world: World) {
    this.#world = world
  }

  began(held: HeldService, again: boolean): void {
    const { path, placing, incarnations, name } = held
    if (again) this.breaks(`${path} begins while it is still there`)
    if (incarnations >= this.#world.mayBegin) this.breaks(`${path} begins once more than there is reason for`)
    const level = this.#world.levelOf(path)
    const group = this.#world.stateOf(level.path)
    if (group && isLeaving(group)) this.breaks(`${path} begins while its group is ${wordOf(group)}`)
    for (const wanted of placing.dependsOn ?? []) {
      const state = this.#world.stateOf(`${level.path}/${wanted}`)
      const other = this.#world.heldAt(`${level.path}/${wanted}`)
      const ready = state && isReady(state) && !(other?.present && other.told)
      if (ready || (incarnations > 0 && state && isOver(state))) continue
      const told = other?.told ? `, told ${other.told}` : ''
      this.breaks(`${path} begins while ${wanted} is ${state ? wordOf(state) : 'not there'}${told}`)
    }
    // A service that was taken down, and did not fail by itself, comes back after all that went down with it.
    if (held.told && !this.#isRenewed(name))
      for (const dependent of level.order.dependents(name)) {
        const other = this.#world.heldAt(`${level.path}/${dependent}`)
        if (other?.present && other.told) this.breaks(`${path} begins before ${dependent}, told ${other.told}, is gone`)
      }
    if (incarnations > 0 && this.#waitsForOthers(path))
      this.breaks(`${path} begins again while another service of the group waits in backoff`)
    if (incarnations > 0 && isTemporary(placing)) this.breaks(`${path} begins again, though it is temporary`)
    if (incarnations === 0) for (const place of this.#world.placesOf(path)) this.#beganFirst(held, place)
  }

  /** Services that are restarted together wait together, unless a call has asked for one of them. */
  #waitsForOthers(path: string): boolean {
    const { scene, timers, calls } = this.#world
    const isWhole = this.#world.placesOf(path).length === 1 && !scene.members.some(({ observer }) => observer)
    const isCalled = [...calls.keys()].some(call => call.includes('restart'))
    return scene.strategy === 'one-for-all' && isWhole && !isCalled && timers.waiting.includes(RESTART_DELAY)
  }

  /** The service is in its place for the first time, and so is each group that it is in. */
  #beganFirst(held: HeldService, { level, name }: Place): void {
    for (const earlier of level.order.before(name)) {
      const path = `${level.path}/${earlier}`
      const state = this.#world.stateOf(path)
      if (state && !this.#hasPassed(path, state))
        this.breaks(`${held.path} begins while ${earlier}, before it, is ${wordOf(state)}`)
    }
  }

  /** The service is settled, or was so before it failed, or the group does not wait for it. */
  #hasPassed(path: string, state: ServiceState): boolean {
    const service = this.#world.group.status.service(path)!
    return isPast(service, state) || (this.#world.heldAt(path)?.wasUp ?? service.readyAt !== null)
  }

  told(held: HeldService, { step, reason }: Shutdown): void {
    const { path, phase } = held
    if (held.told && RANK[step] <= RANK[held.told]) this.breaks(`${path} is told ${step} after ${held.told}`)
    if (!this.#isAsked(path)) this.breaks(`${path} is told ${step}, though nothing asks it to end`)
    // A start that takes too long, or is not wanted any more, is ended at once.
    if (phase === 'starting' || phase === 'stopping' || step === 'unready' || step === 'force') return
    const { trigger } = this.#world.group.status
    const places = this.#world.placesOf(path)
    // A nested group may end by itself, and then nothing outside it matters.
    const concerned = JSON.stringify(reason) === JSON.stringify(trigger) ? places : places.slice(0, 1)
    for (const place of concerned) step === 'drain' ? this.#drains(held, place) : this.#stops(held, place)
  }

  /** Something may ask a service to end: a group on its way out, a call, or the failure of another service. */
  #isAsked(path: string): boolean {
    const { calls, scene } = this.#world
    const { strategy = 'one-for-one' } = scene
    const state = this.#world.stateOf('g')!
    const served = state.phase === 'running' && !isLeaving(state) && this.#world.placesOf(path).length === 1
    const { startTimeout, stopTimeout } = this.#world.heldAt(path)!.placing
    const called = [...calls.keys()].some(call => call !== 'start' && !call.startsWith('add'))
    return !served || called || strategy !== 'one-for-one' || startTimeout !== undefined || stopTimeout !== undefined
  }

  /** The start of a group is done once every member has come up. An addition may come after that. */
  #started(): void {
    if ([...this.#world.calls.keys()].some(call => call.startsWith('add'))) return
    const stopped = [...this.#world.calls.keys()].flatMap(call => this.#stoppedBy(call))
    for (const { path, state } of this.#members)
      if (!this.#hasPassed(path, state) && !stopped.includes(path))
        this.breaks(`start is done, but ${path} is ${wordOf(state)}`)
  }

  /** The members of the outermost group. */
  get #members(): readonly ServiceStatus[] {
    return this.#world.group.status.list.filter(({ path }) => path.split('/').length === 2)
  }

  #drains(held: HeldService, { level, name }: Place): void {
    const isAlone = !isLeaving(this.#world.stateOf(level.path)!)
    if (isAlone && this.#isRenewed(name)) return
    for (const dependent of level.order.dependents(name)) {
      const other = this.#world.heldAt(`${level.path}/${dependent}`)
      const serves = other?.phase === 'running' && RANK[other.told ?? 'unready'] === RANK.unready
      // A dependent that is still starting stops at once, and has nothing to drain.
      if (serves || other?.phase === 'draining')
        this.breaks(`${held.path} drains while ${dependent}, which depends on it, is ${other!.phase}`)
    }
  }

  #stops(held: HeldService, { level, name }: Place): void {
    const isWhole = this.#world.stateOf(level.path)?.phase === 'stopping'
    if (!isWhole && this.#isRenewed(name)) return
    for (const other of isWhole ? level.order.after(name) : level.order.dependents(name))
      if (this.#world.isThere(`${level.path}/${other}`))
        this.breaks(`${held.path} is told to stop before ${other} is gone`)
  }

  /** A call has asked for a restart without the dependents. */
  #isRenewed(name: string): boolean {
    return [...this.#world.calls.keys()].some(call => call.endsWith(`renew ${name}`))
  }

  heard(event: GroupEvent): void {
    const before = this.#folded?.seq
    if (before !== undefined && event.seq !== before + 1) this.breaks(`event ${event.seq} comes after ${before}`)
    this.#folded = foldStatus(this.#folded, event)
    if (event.kind === 'snapshot') for (const { path, state } of event.services) this.#phases.set(path, state.phase)
    else if (event.kind === 'added') this.#phases.set(event.path, 'idle')
    else if (event.kind === 'removed') {
      for (const path of this.#phases.keys())
        if (path === event.path || path.startsWith(`${event.path}/`)) this.#phases.delete(path)
    } else if (event.kind === 'transition') {
      const was = this.#phases.get(event.path) ?? 'idle'
      const { phase } = event.state
      if (!canFollow(was, phase)) this.breaks(`${event.path} is ${phase} after ${was}`)
      this.#phases.set(event.path, phase)
    }
  }

  /** A promise has settled; one that was made from inside may settle before the end that it waits for. */
  settled(call: string, result: string, inside: boolean): void {
    if (!/^(done|failed|ERR_\w+)$/.test(result)) this.breaks(`"${call}" is rejected with ${result}`)
    const { group, held } = this.#world
    const there = held.filter(({ present }) => present).map(({ path }) => path)
    if (call === 'start' && result !== 'done' && result !== 'ERR_ALREADY_STARTED' && there.length > 0)
      this.breaks(`start is rejected with ${result}, but ${there.join()} is there`)
    if (call === 'start' && result === 'done') this.#started()
    const [verb, name] = call.split(' ')
    if (['stop', 'force'].includes(call) && !inside && there.length > 0)
      this.breaks(`${call} is done, but ${there.join()} is there`)
    // A restart may have begun it again.
    const comesBack = [...this.#world.calls.keys()].some(other => /restart|renew/.test(other))
    if (result === 'done' && !inside && !comesBack)
      for (const path of this.#stoppedBy(call))
        if (there.includes(path)) this.breaks(`${call} is done, but ${path} is there`)
    // A group that leaves keeps all that it holds.
    if (
      verb === 'remove' &&
      result === 'done' &&
      group.status.service(`g/${name}`) &&
      !inside &&
      !isLeaving(group.status.group.state)
    )
      this.breaks(`${name} has been removed, but is in the status`)
  }

  /** Nothing is under way: what the listeners heard is what is true. Events that do not fold stay so until the end. */
  rest(isLast: boolean): void {
    const { group, latest } = this.#world
    if (latest !== group.status) this.breaks('the last status heard is not the status')
    if (group.status.phase === 'starting' && this.#members.every(member => isPast(member, member.state)))
      this.breaks('the group is starting, though it waits for no service')
    if (isLast && JSON.stringify(this.#folded) !== JSON.stringify(latest))
      this.breaks('the events do not fold to the status')
  }

  /** All services have done what they were asked: the group runs or is over, and no call waits for anything. */
  settledAll(): void {
    const { group, calls, isOver: over, isTold, isHalfWay } = this.#world
    for (const [call, result] of calls) if (result === 'pending') this.breaks(`"${call}" never settles`)
    if (over || isHalfWay) return
    if (isTold) return this.breaks(`the group was told to end, but stays ${wordOf(group.status.group.state)}`)
    for (const { path, state } of group.status.list)
      if (state.phase === 'stopped' && state.how === 'stopped' && !this.#mayBeStopped(path))
        this.breaks(`${path} stays stopped, though nothing stopped it`)
    const unsettled = group.status.list.filter(({ state }) => !PASSED.includes(state.phase))
    for (const { path, state } of unsettled) this.breaks(`${path} stays ${wordOf(state)}`)
    if (group.status.phase !== 'running') this.breaks(`the group stays ${wordOf(group.status.group.state)}`)
  }

  /**
   * A nested group may have been stopped by a call, with all that it holds. A removal may have come too late. A
   * temporary service stays down when it was taken down with others.
   */
  #mayBeStopped(path: string): boolean {
    const placing = this.#world.heldAt(path)?.placing
    if (placing && isTemporary(placing)) return true
    return [...this.#world.calls.keys()].some(
      call =>
        (/\.(stop|force)$/.test(call) && path.startsWith(`g/${call.split('.')[0]}`)) ||
        /remove/.test(call) ||
        this.#stoppedBy(call).some(stopped => path === stopped || path.startsWith(`${stopped}/`)),
    )
  }

  /** The services that a call stops by hand: one, and those that depend on it. */
  #stoppedBy(call: string): readonly string[] {
    const [, inner, name] = /^(?:(\w+)\.)?stop (\w+)$/.exec(call) ?? []
    if (name === undefined) return []
    const { order, path } = this.#world.levelOf(inner === undefined ? `g/${name}` : `g/${inner}/${name}`)
    return [name, ...order.dependents(name)].map(one => `${path}/${one}`)
  }

  /** Something has failed or ended, or a call has stopped the group or what it holds. */
  #mayEnd(): boolean {
    const { isTold, isHalfWay, mayBegin, calls, group, held } = this.#world
    const stopped = isTold || isHalfWay || [...calls.keys()].some(call => /(stop|force)$/.test(call))
    const ended = held.some(({ placing }) => placing.onEnd) || group.status.list.every(hasEnded)
    return stopped || ended || mayBegin > 1
  }

  /** The group is over: nothing is left of it. */
  over(): void {
    const { group, held, timers, calls, open } = this.#world
    for (const { path, state } of group.status.list)
      if (!isOver(state)) this.breaks(`the group is over, but ${path} is ${wordOf(state)}`)
    for (const { path, present } of held) if (present) this.breaks(`the group is over, but ${path} is there`)
    if (timers.waiting.length > 0) this.breaks(`the group is over, but timers of ${timers.waiting.join()} ms wait`)
    for (const [call, result] of calls)
      if (result === 'pending') this.breaks(`the group is over, but "${call}" is pending`)
    if (!this.#mayEnd()) this.breaks('the group is over, though nothing has failed and nobody has stopped it')
    for (const stream of open) this.breaks(`the group is over, but ${stream} has not completed`)
  }

  breaks(what: string): void {
    this.broken.push(what)
  }
}

const hasEnded = ({ state }: ServiceStatus): boolean => state.phase === 'stopped' && state.how === 'ended'

const isTemporary = ({ restart }: Placing): boolean => restart?.policy === 'temporary'

/** The service is settled, or it is optional and its start is tried again. */
const isPast = ({ optional }: ServiceStatus, state: ServiceState): boolean => {
  const isRetried = state.phase === 'backoff' || (state.phase === 'starting' && state.attempt > 1)
  return PASSED.includes(state.phase) || (optional === true && isRetried)
}
