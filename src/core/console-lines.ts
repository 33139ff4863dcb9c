/** A line that a service has printed. */
export interface ConsoleLine {
  /** Rises by one with each line of the service. A gap: the lines between were not kept. */
  readonly n: number
  /** When it was printed, in milliseconds since the epoch. */
  readonly at: number
  /** The standard stream that it was written to. */
  readonly from: 'stdout' | 'stderr'
  readonly text: string
}

/** A line with the service that has printed it. */
export interface LineOf extends ConsoleLine {
  readonly path: string
}

/** The lines of one service. */
export interface LinesOf {
  readonly path: string
  readonly lines: readonly ConsoleLine[]
}

/** The most lines that are kept of a service. */
export const LINES_KEPT = 500
/** The most bytes of text that are kept of a service, and of all services together. */
export const BYTES_KEPT: number = 64 * 1024
const BYTES_OF_ALL = 1024 * 1024
/** The bytes that a line takes besides its text. They bound a flood of empty lines too. */
const A_LINE = 64

interface Ring {
  lines: ConsoleLine[]
  bytes: number
}

/**
 * The latest lines of each service: at most 500 lines and 64 kB of a service, and 1 MB of all of them. When many
 * services print, each of them has the same share, so that a loud service takes nothing away from a quiet one.
 */
export class ConsoleRings {
  readonly #rings = new Map<string, Ring>()

  add(path: string, line: ConsoleLine): void {
    let ring = this.#rings.get(path)
    if (!ring) {
      ring = { lines: [], bytes: 0 }
      this.#rings.set(path, ring)
      // The shares of the others have become smaller.
      for (const other of this.#rings.values()) this.#trim(other)
    }
    ring.lines.push(line)
    ring.bytes += bytesOf(line)
    this.#trim(ring)
  }

  /** The lines of one service, the oldest first. */
  of(path: string): readonly ConsoleLine[] {
    return this.#rings.get(path)?.lines ?? []
  }

  /** The latest lines of a service and of all services inside it, in the order of time: as many as of one service. */
  below(path: string): readonly LineOf[] {
    const all = [...this.#rings]
      .filter(([other]) => other === path || other.startsWith(`${path}/`))
      .map(([other, { lines }]) => lines.map(line => ({ ...line, path: other })))
    const [first = [], ...others] = all
    return others.length === 0
      ? first
      : all
          .flat()
          .sort((a, b) => a.at - b.at)
          .slice(-LINES_KEPT)
  }

  /** Adds lines that may have been added before. */
  take({ path, lines }: LinesOf): void {
    let last = this.of(path).at(-1)?.n ?? 0
    for (const line of lines) {
      if (line.n <= last) continue
      last = line.n
      this.add(path, line)
    }
  }

  all(): readonly LinesOf[] {
    return [...this.#rings].flatMap(([path, { lines }]) => (lines.length > 0 ? [{ path, lines }] : []))
  }

  /** Forgets a service and all services inside it. */
  forget(path: string): void {
    for (const other of [...this.#rings.keys()])
      if (other === path || other.startsWith(`${path}/`)) this.#rings.delete(other)
  }

  clear(): void {
    this.#rings.clear()
  }

  #trim(ring: Ring): void {
    const share = Math.min(BYTES_KEPT, BYTES_OF_ALL / this.#rings.size)
    let first = Math.max(0, ring.lines.length - LINES_KEPT)
    for (let i = 0; i < first; i++) ring.bytes -= bytesOf(ring.lines[i]!)
    while (ring.bytes > share) ring.bytes -= bytesOf(ring.lines[first++]!)
    if (first === 1) ring.lines.shift()
    else if (first > 1) ring.lines.splice(0, first)
  }
}

/** Of UTF-8, at most. */
export const bytesOf = ({ text }: ConsoleLine): number => A_LINE + text.length * (ASCII.test(text) ? 1 : 3)

const ASCII = /^[\x20-\x7e]*$/
