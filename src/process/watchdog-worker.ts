/** The thread that watches the event loop of the main thread. It can act when the main thread can't. */
import { write } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { visible } from '../core/text/visible.ts'
import { milliseconds } from '../core/units.ts'
import { callsOfMainThread } from './blocking-calls.ts'
import { writeTerminationLog } from './termination-log.ts'

/** The data that the thread begins with. Times are milliseconds. */
export interface Watched {
  readonly group: string
  /** The count of heartbeats, and 1 while a debugger can attach, which may hold the loop. */
  readonly beats: Int32Array
  /** The time between two heartbeats of the main thread, and between two looks at them. */
  readonly every: number
  readonly threshold: number
  readonly killAfter: number
  readonly terminationLog: string | undefined
}

/** The state of a service, sent at each transition: a blocked main thread can't be asked. */
export interface LastState {
  readonly path: string
  readonly phase: string
  readonly detail: string
  readonly leaving: boolean
}

const { group, beats, every, threshold, killAfter, terminationLog } = workerData as Watched
const subject = visible(`group "${group}"`)

const last = new Map<string, LastState & { readonly since: number }>()

parentPort!.on('message', (state: LastState) => {
  const before = last.get(state.path)
  // The service that changed last comes last.
  last.delete(state.path)
  last.set(state.path, { ...state, since: before?.phase === state.phase ? before.since : performance.now() })
})

/**
 * Writes to standard error, past the streams, which the main thread serves. The write is asynchronous, so that a pipe
 * without a reader does not block this thread as well.
 */
const say = (text: string, then = (): void => {}): void => {
  const bytes = Buffer.from(`${text}\n`)
  const from = (start: number): void =>
    write(2, bytes, start, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(from, 10, start)
      else if (error || start + written === bytes.length) then()
      else from(start + written)
    })
  from(0)
}

const MOST_LINES = 50

/** The last known states, the latest first: the service that changed last is often the one that blocks the loop. */
const lastStates = (): readonly string[] => {
  const all = [...last.values()].reverse()
  const shown = all.slice(0, MOST_LINES)
  const width = Math.max(...shown.map(({ path }) => path.length))
  const lines = shown.map(({ path, phase, detail, since }) => {
    const state = `${phase} for ${milliseconds(performance.now() - since)}`
    return visible(`  ${path.padEnd(width)}  ${detail === '' ? state : `${state}, ${detail}`}`)
  })
  return all.length > MOST_LINES ? [...lines, `  and ${all.length - MOST_LINES} more`] : lines
}

const warn = (blocked: number): void => {
  // A group that is leaving would take SIGTERM for a second signal, which forces. That is for people to decide.
  const leaving = last.get(group)?.leaving === true
  const now = leaving ? 'no signal, since it is leaving already' : 'SIGTERM, which takes effect once the loop is free'
  const then = killAfter === Infinity ? '' : `; SIGKILL in ${milliseconds(killAfter)} if it is not free by then`
  say(
    [
      `${subject}: the event loop has been blocked for ${milliseconds(blocked)}; the last known states:`,
      ...lastStates(),
      `${subject}: now ${now}${then}`,
    ].join('\n'),
  )
  if (!leaving) process.kill(process.pid, 'SIGTERM')
  tellWhere()
}

/** How long an answer is waited for, in milliseconds. */
const ANSWER_WITHIN = 2_000

/**
 * Tells where the main thread is blocked, which stands still for a moment to answer. A main thread that has less time
 * until the kill is left alone.
 */
const tellWhere = (): void => {
  const asked = seen
  if (killAfter < ANSWER_WITHIN) return
  callsOfMainThread(ANSWER_WITHIN, calls => {
    if (calls.length === 0 || seen !== asked) return
    say([`${subject}: it is blocked here:`, ...calls.map(call => visible(`  ${call}`))].join('\n'))
  })
}

/** How long the kill waits for its text to be written, in milliseconds. */
const WRITE_TIMEOUT = 100

const kill = (blocked: number): void => {
  const end = (): void => void process.kill(process.pid, 'SIGKILL')
  const why = `${subject}: the event loop is still blocked after ${milliseconds(blocked)}: SIGKILL`
  say(why, end)
  writeTerminationLog(terminationLog, [why, ...lastStates(), ''].join('\n'))
  setTimeout(end, WRITE_TIMEOUT)
}

let seen = 0
let looked = performance.now()
/** How long no new heartbeat has come, in milliseconds. */
let silent = 0
let warnedAt = Infinity
let killed = false

setInterval(() => {
  const now = performance.now()
  // When this thread was late too, a laptop slept or a container was paused. Such a time says little about the loop.
  silent += Math.min(now - looked, Math.max(threshold / 4, 2 * every))
  looked = now
  const beat = Atomics.load(beats, 0)
  if (beat !== seen) {
    if (warnedAt < Infinity) say(`${subject}: the event loop is free again after ${milliseconds(silent)}`)
    seen = beat
    silent = 0
    warnedAt = Infinity
  } else if (Atomics.load(beats, 1) === 0) {
    // The loop was free for up to one heartbeat longer than was seen.
    if (warnedAt === Infinity && silent >= threshold + every) {
      warnedAt = silent
      warn(silent)
    } else if (!killed && silent >= warnedAt + killAfter) {
      killed = true
      kill(silent)
    }
  }
}, every)
