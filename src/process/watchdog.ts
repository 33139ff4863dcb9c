import type { ServiceGroup } from '../core/group/service-group.ts'
import { duration, known, namesOf, positive, type Whose } from '../core/options.ts'
import { isFinal, isLeaving, type ServiceState } from '../core/state.ts'
import type { GroupEvent } from '../core/status/events.ts'
import { labelOf, particularsOf } from '../core/text/state-text.ts'
import { tellOf } from './output.ts'
import { source } from './watchdog-source.ts'
import type { LastState, Watched } from './watchdog-worker.ts'

/** When a watchdog warns, and when it kills. Times are milliseconds; `Infinity` turns a clock off. */
export interface WatchdogOptions {
  /** How long the event loop may be blocked before the watchdog warns and sends SIGTERM. Above 0. Default 5,000. */
  readonly threshold?: number
  /** How long the loop has from then to become free, before SIGKILL. Default 10,000. */
  readonly killAfter?: number
}

const THRESHOLD = 5_000
const KILL_AFTER = 10_000

const OPTIONS = namesOf<WatchdogOptions>({ threshold: true, killAfter: true })

/** The times of a watchdog, checked. `undefined`: no watchdog is wanted. */
export const watchdogTimes = (
  whose: Whose,
  option: boolean | WatchdogOptions = false,
): Required<WatchdogOptions> | undefined => {
  if (option === false) return undefined
  const asked = option === true ? {} : option
  known(whose, asked, OPTIONS, 'watchdog.')
  // Every turn of the event loop takes time, so the threshold can't be zero.
  const threshold = positive(whose, 'watchdog.threshold', asked.threshold ?? THRESHOLD)
  const killAfter = duration(whose, 'watchdog.killAfter', asked.killAfter, KILL_AFTER)
  return threshold === Infinity ? undefined : { threshold, killAfter }
}

/**
 * Watches the event loop from a thread of its own. The main thread sends heartbeats and the last states there while it
 * can. The watchdog keeps no process alive.
 *
 * @param terminationLog the file that tells Kubernetes why the process was killed
 * @returns ends the watch. Settles when the thread is gone.
 */
export const startWatchdog = (
  group: ServiceGroup<string, never>,
  { threshold, killAfter }: Required<WatchdogOptions>,
  terminationLog: string | undefined,
): (() => Promise<unknown>) => {
  if (process.pid === 1)
    void tellOf(
      group.name,
      'the watchdog can only warn and send SIGTERM, since no process 1 can kill itself; use an init (docker run --init)',
    )
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const inspector = process.getBuiltinModule('node:inspector')
  const beats = new Int32Array(new SharedArrayBuffer(8))
  const every = Math.min(Math.max(threshold / 20, 5), 250)
  const workerData: Watched = { group: group.name, beats, every, threshold, killAfter, terminationLog }
  // Modules that the program preloads (`--import`) must not run a second time in the thread.
  const worker = new Worker(source, { eval: true, name: 'watchdog', workerData, execArgv: [] })
  worker.unref()
  worker.on('error', error => {
    void tellOf(group.name, `the watchdog failed: ${error.message}; going on without it`)
  })
  const beat = (): void => {
    Atomics.store(beats, 1, inspector?.url() === undefined ? 0 : 1)
    Atomics.add(beats, 0, 1)
  }
  beat()
  const beating = setInterval(beat, every).unref()
  const events = group.events$.subscribe(event => {
    for (const last of lastStates(event)) worker.postMessage(last)
  })
  return () => {
    clearInterval(beating)
    events.unsubscribe()
    return worker.terminate()
  }
}

const lastStates = (event: GroupEvent): readonly LastState[] => {
  if (event.kind === 'snapshot')
    return [event.group, ...event.services].map(({ path, state }) => lastState(path, state))
  if (event.kind === 'added') return [lastState(event.path, { phase: 'idle' })]
  // A service that was removed has stopped. A failed piece of work is no state.
  return event.kind === 'transition' ? [lastState(event.path, event.state)] : []
}

const lastState = (path: string, state: ServiceState): LastState => ({
  path,
  phase: labelOf(state),
  // A text can always be sent to the thread; other values may not.
  detail: particularsOf(state, { reasons: 'all' }).join(', '),
  leaving: isLeaving(state) || isFinal(state),
})
