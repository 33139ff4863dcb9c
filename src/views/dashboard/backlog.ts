import { randomUUID } from 'node:crypto'
import type { GroupEvent } from '../../core/status/events.ts'
import { jsonOf } from '../../core/status/recording.ts'
import { foldStatus, type GroupStatus, snapshotOf } from '../../core/status/status.ts'

/** An event, and its JSON once somebody has asked for it. */
interface Kept {
  readonly event: GroupEvent
  json?: string
}

/** The latest events of a group, and what was true before them. */
export interface Backlog {
  /** Names what events are numbered in: one process, or one recording. */
  readonly boot: string
  /** The number of the last event; 0 before there is any. */
  readonly seq: number
  add(event: GroupEvent): void
  /** What is true after the last event. */
  status(): GroupStatus | undefined
  /** The events after one up to another, as a JSON array; `undefined` when they are not all here any more. */
  between(after: number, upTo: number): string | undefined
  /** A snapshot of what was true at the beginning, and the events since, as a JSON array. `''` before there is any. */
  all(upTo: number): string
}

/** @param limit how many events are kept; older ones are folded into the snapshot before them */
export const newBacklog = (limit: number): Backlog => {
  let boot: string = randomUUID()
  let base: GroupStatus | undefined
  let kept: Kept[] = []
  /** The whole, for the many who come at the same moment. It may begin a little earlier than what is still kept. */
  let whole: { readonly text: string; readonly upTo: number } | undefined

  const last = (): number => kept.at(-1)?.event.seq ?? base?.seq ?? 0
  const join = (first: number, upTo: number): string => {
    const begin = base?.seq ?? 0
    const some = kept.slice(first - begin, upTo - begin)
    return some
      .map(one => {
        one.json ??= jsonOf(one.event)
        return one.json
      })
      .join(',')
  }
  return {
    get boot() {
      return boot
    },
    get seq() {
      return last()
    },
    add: event => {
      if (event.kind !== 'snapshot') {
        kept.push({ event })
        if (kept.length > limit) base = foldStatus(base, kept.shift()!.event)
        return
      }
      // The numbers of what came before, in a recording of several lives, may come again.
      if (base) boot = randomUUID()
      base = foldStatus(undefined, event)
      kept = []
      whole = undefined
    },
    status: () => kept.reduce((status, { event }) => foldStatus(status, event), base),
    between: (after, upTo) => {
      if (!base || after < base.seq || after > last()) return undefined
      return `[${join(after, upTo)}]`
    },
    all: upTo => {
      if (!base) return ''
      if (whole?.upTo !== upTo) {
        const events = join(base.seq, upTo)
        const text = `[${jsonOf(snapshotOf(base))}${events && ','}${events}]`
        whole = { text, upTo }
      }
      return whole.text
    },
  }
}
