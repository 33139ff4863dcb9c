import { errorMonitor } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Subscription } from 'rxjs'
import { after, systemClock } from '../../core/clock.ts'
import { lineCutter } from './cut-lines.ts'

/** Is given a line. `false`, as `write` of a stream returns it, says that no more should come for now. */
export type OnLine = (line: string) => unknown

/** Lines that are being read. */
export interface Lines {
  /** Settles when the stream has ended and its last line is told, with or without a line break. */
  readonly ended: Promise<void>
  /** From now on our own output is waited for so many milliseconds at most, each time. */
  hurry(patience: number): void
}

/** Reads lines, no faster than our own output takes them: as long as it is full, the stream is paused. */
export const readLines = (input: Readable, onLine: OnLine): Lines => {
  let patience = Number.POSITIVE_INFINITY
  let full = false
  /** One wait for our output. */
  let wait: { timer: Subscription | undefined } | undefined

  const goOn = (): void => {
    wait?.timer?.unsubscribe()
    wait = undefined
    input.resume()
  }
  const hold = (): void => {
    input.pause()
    if (wait) return
    const mine = { timer: after(systemClock, patience, goOn) }
    wait = mine
    void outputIsFree().then(() => {
      if (wait === mine) goOn()
    })
  }
  const cutter = lineCutter(line => {
    if (onLine(line) === false) full = true
  })
  input.on('data', (chunk: Buffer | string) => {
    full = false
    cutter.add(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    // A process that exits has its streams resumed by Node.
    if ((full || wait) && patience > 0) hold()
  })
  return {
    ended: new Promise(resolve => {
      let over = false
      const end = (): void => {
        if (over) return
        over = true
        wait?.timer?.unsubscribe()
        wait = undefined
        cutter.end()
        resolve()
      }
      // A stream that breaks closes without having ended.
      input.once('end', end).once('close', end)
    }),
    hurry: ms => {
      patience = ms
      if (!wait) return
      wait.timer?.unsubscribe()
      wait.timer = after(systemClock, patience, goOn)
    },
  }
}

/** Settles when neither of our own standard streams has more to write than it should. */
const outputIsFree = (): Promise<unknown> => Promise.all([isFree(process.stdout), isFree(process.stderr)])

/** However many wait for a stream, one listens to it. */
const waiting = new Map<Writable, Promise<void>>()

const isFree = (stream: Writable): Promise<void> => {
  if (!stream.writableNeedDrain) return Promise.resolve()
  const known = waiting.get(stream)
  if (known) return known
  const free = new Promise<void>(resolve => {
    const events = ['drain', 'close', errorMonitor]
    const done = (): void => {
      for (const event of events) stream.off(event, done)
      waiting.delete(stream)
      resolve()
    }
    for (const event of events) stream.on(event, done)
  })
  waiting.set(stream, free)
  return free
}

/** How long what has ended may hold up its end because of what it has written, in milliseconds. */
export const LATE_OUTPUT = 250

/**
 * Hears what has ended out, for a moment no faster than our own output takes it. After that all of it is handed over.
 */
export const hearOut = async (outputs: readonly Lines[]): Promise<void> => {
  await within(LATE_OUTPUT, Promise.all(outputs.map(({ ended }) => ended)))
  for (const output of outputs) output.hurry(0)
}

/** Settles with a promise that never rejects, or after so many milliseconds. */
export const within = (ms: number, promise: Promise<unknown>): Promise<void> =>
  new Promise(resolve => {
    const late = after(systemClock, ms, resolve)
    void promise.then(() => {
      late?.unsubscribe()
      resolve()
    })
  })

/** Writes lines to the same stream of this process, as `name | line`. */
export const prefixed =
  (name: string) =>
  (line: string, from: 'stdout' | 'stderr'): boolean =>
    process[from].write(`${name} | ${line}\n`)
