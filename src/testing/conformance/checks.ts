import type { Service } from '../../core/service.ts'
import { isFinal, type ServiceState } from '../../core/state.ts'
import type { Report } from '../../core/status/report.ts'
import type { ServiceStatus } from '../../core/status/service-status.ts'
import { describeState } from '../trace.ts'
import { resourcesNow } from './leftovers.ts'
import { assert, isRunning, lost, type Running, type Trial } from './trial.ts'

type Needs = 'use' | 'work' | 'broken' | 'crash'

export interface Check {
  readonly name: string
  /** The parts of the subject that the check needs. */
  readonly needs: readonly Needs[]
  readonly run: (trial: Trial) => Promise<void>
}

const check = (name: string, needs: readonly Needs[], run: Check['run']): Check => ({ name, needs, run })

const phasesOf = (states: readonly ServiceState[]): string => [...new Set(states.map(({ phase }) => phase))].join(', ')

/** The rules that every service must keep. */
export const checks: readonly Check[] = [
  check('nothing happens before somebody subscribes', [], async trial => {
    const service = await trial.create()
    const before = resourcesNow()
    service.lifecycle(trial.never)
    trial.nothingSince(before)
  }),

  check('it starts: starting, then running, and nothing else is said on the way', [], async trial => {
    const life = await trial.start()
    const phases = phasesOf(life.states)
    assert(phases === 'starting, running', `it said ${phases}`)
    await life.leave()
  }),

  check('running, it does its work', ['use'], async trial => {
    const life = await trial.start()
    await trial.use(life)
    await life.leave()
  }),

  check('told to go unready, it does its work all the same', ['use'], async trial => {
    const life = await trial.start()
    life.tell('unready')
    await life.until(state => state.phase === 'running' && state.leaving !== undefined, 'running that is leaving')
    await trial.use(life)
    await life.leave()
  }),

  check('with nothing to do it is gone when it is told to stop, and says so', ['use'], async trial => {
    const life = await trial.start()
    const running = await life.until('running')
    await trial.use(life)
    await life.leave()
    const last = life.states.at(-1)!
    assert(last.phase === 'stopped' && last.how === 'stopped', `the last it said is "${describeState(last)}"`)
    assert(await lost(trial.subject.use!(running)), 'it is gone, and still did its work')
  }),

  check('draining, it finishes what it is at, and tells how much that is', ['work'], async trial => {
    const life = await trial.start()
    const work = await trial.work(life)
    life.tell('unready')
    life.tell('drain')
    await life.until(state => state.phase === 'draining' && (state.pending ?? 0) > 0, 'draining with work pending')
    work.finish()
    await work.done
    await life.until('drained')
    life.tell('stop')
    await life.gone()
  }),

  check('a stop that comes unannounced finishes what it is at, too', ['work'], async trial => {
    const life = await trial.start()
    const work = await trial.work(life)
    life.tell('stop')
    await life.until('stopping')
    work.finish()
    await work.done
    await life.gone()
  }),

  check('told to let go, it is gone although its work never ends', ['work'], async trial => {
    const life = await trial.start()
    await trial.work(life)
    life.tell('drain')
    await life.until('draining')
    life.tell('force')
    await life.gone()
    const last = life.states.at(-1)!
    assert(last.phase === 'stopped' && last.how === 'forced', `the last it said is "${describeState(last)}"`)
  }),

  check('told to let go while it runs, it is gone', [], async trial => {
    const life = await trial.start()
    life.tell('force')
    await life.gone()
  }),

  check('each step told twice, and all of them again at the end: it ends once', [], async trial => {
    const life = await trial.start()
    for (const step of ['unready', 'unready', 'drain', 'drain', 'stop', 'stop'] as const) life.tell(step)
    await life.gone()
    life.tell('force')
    const ends = life.states.filter(isFinal).length
    assert(ends === 1, `it said ${ends} times that it is over`)
  }),

  check('a stop in the moment of its start: it is gone, and was never running after it', [], async trial => {
    const life = trial.drive(await trial.create())
    life.tell('stop')
    const said = life.states.length
    await life.gone()
    assert(!life.states.slice(said).some(({ phase }) => phase === 'running'), `it said ${phasesOf(life.states)}`)
  }),

  check('told to let go in the moment of its start, it is gone', [], async trial => {
    const life = trial.drive(await trial.create())
    life.tell('force')
    await life.gone()
  }),

  check('told to stop before its start, it does not start', [], async trial => {
    const service = await trial.create()
    const before = resourcesNow()
    const phases = trial.lifeAfterStop(service)
    assert(phases === 'stopped', `it said ${phases || 'nothing'}`)
    trial.nothingSince(before)
  }),

  check('left alone while it runs, it lets go of everything', [], async trial => {
    const life = await trial.start()
    life.abandon()
    await trial.nothingLeft()
  }),

  check('left alone while it starts, it lets go of everything', [], async trial => {
    trial.drive(await trial.create()).abandon()
    await trial.nothingLeft()
  }),

  check('gone, it can live again, as often as one likes', [], async trial => {
    const service = await trial.create()
    for (let lives = 0; lives < 3; lives++) {
      const life = trial.drive(service)
      await life.until('running')
      if (trial.subject.use) await trial.use(life)
      await life.leave()
    }
  }),

  check('a start that fails is an error that names it, and leaves nothing behind', ['broken'], async trial => {
    const service = await trial.subject.broken!()
    const life = trial.drive(service)
    isNamed(await life.failure(), service)
    assert(!life.states.some(({ phase }) => phase === 'running'), 'it said that it is running')
    await trial.nothingLeft()
  }),

  check('its death is an error that names it, and leaves nothing behind', ['crash'], async trial => {
    const service = await trial.create()
    const life = trial.drive(service)
    await trial.subject.crash!(await life.until('running'))
    isNamed(await life.failure(), service)
    await trial.nothingLeft()
  }),

  check('in a group that restarts what dies, it dies and is back at its work', ['crash', 'use'], async trial => {
    const service = await trial.create()
    const group = trial.group(service, { restart: { policy: 'permanent', initialDelay: 1 } })
    await group.start()
    await trial.subject.crash!((await trial.until(group, service.name, isRunning)).state)
    const isBack = (status: ServiceStatus): status is Running => status.restarts > 0 && isRunning(status)
    await trial.subject.use!((await trial.until(group, service.name, isBack)).state)
    isWell(await group.stop())
  }),

  check('in a group it is restarted by hand, and stopped, without an error', [], async trial => {
    const service = await trial.create()
    const group = trial.group(service)
    await group.start()
    await group.restart(service.name)
    await trial.subject.use?.((await trial.until(group, service.name, isRunning)).state)
    isWell(await group.stop())
  }),
]

const isNamed = (error: unknown, { name }: Service): void => {
  const { code, service, message } = error as { code?: unknown; service?: unknown; message?: unknown }
  const told = `it failed with ${JSON.stringify({ code, service, message })}`
  assert(typeof code === 'string' && /^ERR_/.test(code), `${told}, which has no code of ours`)
  assert(service === name && String(message).includes(name), `${told}, which does not name "${name}"`)
}

const isWell = ({ ok, errors }: Report): void =>
  assert(ok, `its group was not well: ${errors.map(({ message }) => message).join('; ')}`)
