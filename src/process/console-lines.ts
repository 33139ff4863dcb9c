import { StringDecoder } from 'node:string_decoder'
import { stripVTControlCharacters } from 'node:util'
import { systemClock, wallTime } from '../core/clock.ts'
import { BYTES_KEPT, type ConsoleLine, ConsoleRings } from '../core/console-lines.ts'
import { shared } from '../core/shared.ts'
import { visible } from '../core/text/visible.ts'
import { currentWork, pathIn, type Work } from '../core/work.ts'
import { listenToWrites } from './writes.ts'

type From = ConsoleLine['from']

/** The longest line, in characters. The rest is cut off. */
const LONGEST = 1_000

/** A line that has no end is told after this time, in milliseconds. */
const PATIENCE = 1_000

/** The output of services, for the listener of one group. */
export interface Console {
  /** The latest lines of each service, by its path. */
  readonly rings: ConsoleRings
  /** Forgets the lines of a service that was removed, and of all services inside it. */
  forget(path: string): void
  stop(): void
}

/** Is given what a service writes: a part of its output, with or without the end of a line. */
interface Ear {
  hear(work: Work, from: From, chunk: string): void
}

interface Hub {
  readonly ears: Set<Ear>
  /** A line is passed on that has been heard already. */
  passing: boolean
  stop?: (() => void) | undefined
}

/** All copies of this library in the process listen together, so the streams are listened to once. */
const hub = shared('console.1', (): Hub => ({ ears: new Set(), passing: false }))

/**
 * Hears what the services of a group print from now on: what code of a service writes to the standard streams of this
 * process during its hooks and handlers, after any number of awaits. The streams themselves stay as they are. While
 * nobody listens nothing is heard, and `write` is the platform's own.
 *
 * @param onLine is called after each new line
 */
export const listenToConsole = (group: string, onLine: (path: string, line: ConsoleLine) => void): Console => {
  const rings = new ConsoleRings()
  const outputs = new Map<string, Output>()
  let timer: NodeJS.Timeout | undefined
  /** The highest number of a line. A service that comes again under an old name goes on after it. */
  let highest = 0

  const tell = (path: string, from: From, { texts, missed }: Cut): void => {
    if (texts.length === 0) return
    const output = outputs.get(path)!
    output.told += missed
    const at = wallTime(systemClock)
    for (const text of texts) {
      const line = { n: ++output.told, at, from, text }
      rings.add(path, line)
      onLine(path, line)
    }
    highest = Math.max(highest, output.told)
  }
  /** Tells the lines that have waited for their end for too long. */
  const tellLate = (): void => {
    timer = undefined
    const late = performance.now() - PATIENCE
    for (const [path, output] of outputs)
      for (const from of ['stdout', 'stderr'] as const)
        if (output[from].isOpen && output[from].since <= late) tell(path, from, output[from].end())
    waitForLate()
  }
  const waitForLate = (): void => {
    if (timer) return
    for (const { stdout, stderr } of outputs.values())
      if (stdout.isOpen || stderr.isOpen) {
        timer = setTimeout(tellLate, PATIENCE).unref()
        return
      }
  }
  const ear: Ear = {
    hear: (work, from, chunk) => {
      const path = pathIn(group, work)
      if (path === undefined) return
      let output = outputs.get(path)
      if (!output) {
        output = { told: highest, stdout: new LineCutter(), stderr: new LineCutter() }
        outputs.set(path, output)
      }
      tell(path, from, output[from].add(chunk))
      if (output[from].isOpen) waitForLate()
    },
  }
  const { ears } = hub()
  if (ears.size === 0) hub().stop = listenToStreams()
  ears.add(ear)
  return {
    rings,
    forget: path => {
      rings.forget(path)
      for (const other of [...outputs.keys()]) if (other === path || other.startsWith(`${path}/`)) outputs.delete(other)
    },
    stop: () => {
      clearTimeout(timer)
      if (!ears.delete(ear) || ears.size > 0) return
      hub().stop?.()
      hub().stop = undefined
    },
  }
}

/**
 * Tells a line that a service has printed elsewhere, in a thread or a process of its own, and passes it on. What writes
 * it to the standard streams of this process does not print it once more.
 */
export const passLineOn = <T>(work: Work | undefined, from: From, line: string, pass: () => T): T => {
  const all = hub()
  if (all.ears.size === 0 || !work) return pass()
  for (const { hear } of all.ears) hear(work, from, `${line}\n`)
  const before = all.passing
  all.passing = true
  try {
    return pass()
  } finally {
    all.passing = before
  }
}

const listenToStreams = (): (() => void) => {
  const stops = (['stdout', 'stderr'] as const).map(from => {
    const decoder = new StringDecoder()
    return listenToWrites([process[from]], {
      after: (chunk, encoding) => {
        const { ears, passing } = hub()
        const work = passing ? undefined : currentWork()
        if (!work) return
        const text = textOf(chunk, encoding, decoder)
        for (const { hear } of ears) hear(work, from, text)
      },
    })
  })
  return () => {
    for (const stop of stops) stop()
  }
}

/** @param decoder keeps the begin of a character whose end comes with the next bytes */
const textOf = (chunk: string | Uint8Array, encoding: unknown, decoder: StringDecoder): string => {
  if (typeof chunk !== 'string') return decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  return typeof encoding === 'string' && !/^utf-?8$/i.test(encoding) && Buffer.isEncoding(encoding)
    ? decoder.write(Buffer.from(chunk, encoding))
    : chunk
}

interface Output extends Record<From, LineCutter> {
  /** The number of the last line. */
  told: number
}

/** Lines that have come to their end, and how many came before them that nobody could keep. */
interface Cut {
  readonly texts: readonly string[]
  readonly missed: number
}

const NOTHING: Cut = { texts: [], missed: 0 }

/** Cuts a text into lines, at LF, CR LF and CR. Keeps no more than the begin of one line. */
class LineCutter {
  /** When the line began that has no end yet. */
  since = 0
  #open = ''
  /** The last character was a CR: an LF now belongs to it. */
  #afterCr = false

  get isOpen(): boolean {
    return this.#open !== ''
  }

  add(chunk: string): Cut {
    // Nearly always it is one whole line.
    if (chunk.indexOf('\n') === chunk.length - 1 && !chunk.includes('\r') && this.#open === '' && !this.#afterCr)
      return chunk === '' ? NOTHING : { texts: [printable(chunk.slice(0, -1))], missed: 0 }
    let rest = this.#afterCr && chunk.startsWith('\n') ? chunk.slice(1) : chunk
    if (rest === '') return NOTHING
    this.#afterCr = rest.endsWith('\r')
    let missed = 0
    if (rest.length > BYTES_KEPT) {
      // Nobody keeps the lines before.
      const begin = rest.lastIndexOf('\n', rest.length - BYTES_KEPT) + 1
      for (let at = rest.indexOf('\n'); at >= 0 && at < begin; at = rest.indexOf('\n', at + 1)) missed++
      if (begin > 0) this.#open = ''
      rest = rest.slice(begin)
    }
    const lines = rest.split(LINE_END)
    const last = lines.pop()!
    if (lines.length === 0) {
      this.#keep(last)
      return NOTHING
    }
    lines[0] = this.#open + lines[0]
    this.#open = ''
    this.#keep(last)
    return { texts: lines.map(printable), missed }
  }

  /** Tells the line that has no end. */
  end(): Cut {
    const text = printable(this.#open)
    this.#open = ''
    return { texts: [text], missed: 0 }
  }

  #keep(text: string): void {
    if (text === '') return
    if (this.#open === '') this.since = performance.now()
    // Some room for what has no width, such as colours.
    if (this.#open.length < 2 * LONGEST) this.#open += text.slice(0, 2 * LONGEST)
  }
}

const LINE_END = /\r\n|\n|\r/

const PLAIN = /^[\x20-\x7e]*$/

/** A line without colours and other sequences for terminals, cut, its other control characters made visible. */
const printable = (line: string): string => {
  if (line.length <= LONGEST && PLAIN.test(line)) return line
  const text = visible(stripVTControlCharacters(line.slice(0, 4 * LONGEST)).replaceAll('\t', '  '))
  return text.length > LONGEST || line.length > 4 * LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
