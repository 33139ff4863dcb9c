/** The thread that watches the event loop of the main one. It must be able to act when the main one can't. */
import { write } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { visible } from '../core/text/visible.ts'
import { milliseconds } from '../core/units.ts'

/** What the watchdog is told when it begins. Times are milliseconds. */
export interface Watched {
  readonly group: string
  /** The count of heartbeats, and whether a debugger can attach: it may hold the loop for as long as it likes. */
  readonly beats: Int32Array
  /** How often the main thread leaves a heartbeat, and how often it is looked for. */
  readonly every: number
  readonly threshold: number
  readonly killAfter: number
}

/** What is told at each transition, to be known when nobody can be asked any more. */
export interface LastState {
  readonly path: string
  readonly phase: string
  readonly detail: string
  readonly leaving: boolean
}

const { group, beats, every, threshold, killAfter } = workerData as Watched
const shownName = visible(group)

const last = new Map<string, LastState & { readonly since: number }>()

parentPort!.on('message', (state: LastState) => {
  const before = last.get(state.path)
  // Whoever changed last stands last.
  last.delete(state.path)
  last.set(state.path, { ...state, since: before?.phase === state.phase ? before.since : performance.now() })
})

/**
 * To standard error, past the streams, which the main thread serves. Not synchronously: a pipe that nobody reads must
 * not hold this thread as well.
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

/** The last known states, the latest first: what blocks the loop is often what changed last. */
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

const bark = (blocked: number): void => {
  // To one that is leaving already it would be a second signal, which forces; whether to, is for people to say.
  const leaving = last.get(group)?.leaving === true
  const now = leaving ? 'no signal, it is leaving already' : 'SIGTERM, heeded once the loop is free'
  const then = killAfter === Infinity ? '' : `; SIGKILL in ${milliseconds(killAfter)} if it is not free by then`
  say(
    [
      `${shownName}: the event loop has been blocked for ${milliseconds(blocked)}. Last known:`,
      ...lastStates(),
      `${shownName}: now ${now}${then}`,
    ].join('\n'),
  )
  if (!leaving) process.kill(process.pid, 'SIGTERM')
}

/** How long a text may take to be written before the kill comes without it. */
const LAST_WORDS = 100

const bite = (blocked: number): void => {
  const kill = (): void => void process.kill(process.pid, 'SIGKILL')
  say(`${shownName}: the event loop is still blocked after ${milliseconds(blocked)}: SIGKILL`, kill)
  setTimeout(kill, LAST_WORDS)
}

let seen = 0
let looked = performance.now()
/** How long there has been no new heartbeat. */
let silent = 0
let barkedAt = Infinity
let bitten = false

setInterval(() => {
  const now = performance.now()
  // When this thread was late too, a laptop slept or a container was paused: that time says little about the loop.
  silent += Math.min(now - looked, Math.max(threshold / 4, 2 * every))
  looked = now
  const beat = Atomics.load(beats, 0)
  if (beat !== seen) {
    if (barkedAt < Infinity) say(`${shownName}: the event loop is free again after ${milliseconds(silent)}`)
    seen = beat
    silent = 0
    barkedAt = Infinity
  } else if (Atomics.load(beats, 1) === 0) {
    // The loop was alive for up to one heartbeat more than was seen.
    if (barkedAt === Infinity && silent >= threshold + every) {
      barkedAt = silent
      bark(silent)
    } else if (!bitten && silent >= barkedAt + killAfter) {
      bitten = true
      bite(silent)
    }
  }
}, every)
