import type { ConsoleLine, LinesOf } from '../../core/console-lines.ts'
import { jsonOf } from '../../core/status/recording.ts'
import { listenToConsole } from '../../process/console-lines.ts'
import type { Feed } from './feed.ts'
import { message } from './message.ts'

/** Lines are gathered for this time, in milliseconds. */
const GATHER = 100
/** The most bytes of JSON in one message, but for the first one, which holds all that is kept. */
const MOST = 64 * 1024

/** The message `lines`. */
export interface LinesMessage {
  /** These are all lines that are kept: a page forgets those that it had. */
  readonly all: boolean
  readonly of: readonly LinesOf[]
}

/**
 * The output of the services of a group from now on, as messages `lines`. When more is printed than goes into a
 * message, each service has the same share of it, and the latest lines are told.
 */
export const consoleFeed = (group: string): Feed => {
  /** The services that have printed since the last message, and the last of their lines that was told. */
  const fresh = new Map<string, number>()
  let tell: ((chunk: Buffer) => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let whole: Buffer | undefined

  const console = listenToConsole(group, (path, { n }) => {
    whole = undefined
    if (!tell) return
    if (!fresh.has(path)) fresh.set(path, n - 1)
    timer ??= setTimeout(flush, GATHER).unref()
  })
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (fresh.size === 0) return
    const share = MOST / fresh.size
    const of = [...fresh].map(([path, told]) => ({ path, lines: latest(console.rings.of(path), told, share) }))
    fresh.clear()
    tell?.(message('lines', { all: false, of } satisfies LinesMessage))
  }
  return {
    first: () => {
      whole ??= message('lines', { all: true, of: console.rings.all() } satisfies LinesMessage)
      return whole
    },
    open: given => {
      tell = given
    },
    close: () => {
      clearTimeout(timer)
      timer = tell = undefined
      fresh.clear()
    },
    hear: event => {
      if (event.kind !== 'removed') return
      console.forget(event.path)
      whole = undefined
    },
    end: () => {
      flush()
      console.stop()
    },
  }
}

/** The latest lines after one that was told, as many as there is room for, and one at least. */
const latest = (lines: readonly ConsoleLine[], told: number, room: number): readonly ConsoleLine[] => {
  let first = lines.length
  let left = room
  while (first > 0 && lines[first - 1]!.n > told) {
    left -= jsonOf(lines[first - 1]!).length
    if (left < 0 && first < lines.length) break
    first--
  }
  return lines.slice(first)
}
