import { randomUUID } from 'node:crypto'
import type { GroupEvent, SnapshotEvent } from '../../core/status/events.ts'
import { jsonOf } from '../../core/status/recording.ts'
import { foldStatus, type GroupStatus, snapshotOf } from '../../core/status/status.ts'
import { FigureEvents, type NumberedEvent } from './figure-events.ts'

/** An event that is kept, and its JSON. */
interface Kept {
  readonly event: NumberedEvent
  readonly json: string
  readonly bytes: number
}

/** How much is kept. */
export interface Limits {
  readonly events: number
  /** Of JSON. */
  readonly bytes: number
}

/** The latest events of a group, and what was true before them. */
export interface Backlog {
  /** Names what events are numbered in: one process, or one recording. */
  readonly boot: string
  /** The number of the last event; 0 before there is any. */
  readonly seq: number
  /**
   * The time of the snapshot, as the wall clock shows it now, if anything has happened before it. `undefined` when all
   * events are here, from the idle group on.
   */
  readonly completeSince: number | undefined
  add(event: GroupEvent): void
  /** The status after the last event. */
  status(): GroupStatus | undefined
  /** The events after one up to another, as a JSON array; `undefined` when they are not all here any more. */
  between(after: number, upTo: number): string | undefined
  /** A snapshot of what was true at the beginning, and the events since, as a JSON array. `''` before there is any. */
  all(upTo: number): string
}

/**
 * @param limits beyond these the oldest figures are dropped that later ones follow, so that a busy service does not
 * push out what has happened; and then events are folded into the snapshot, the oldest first
 */
export const newBacklog = (limits: Limits): Backlog => {
  let boot: string = randomUUID()
  let base: GroupStatus | undefined
  let isWhole = true
  let kept: Kept[] = []
  /** Of the JSON of all that is kept. */
  let bytes = 0
  const figures = new FigureEvents()

  const last = (): number => kept.at(-1)?.event.seq ?? base?.seq ?? 0
  /** How many of those kept have this number or a lower one. Numbers of events that were dropped are missing. */
  const countUpTo = (seq: number): number => {
    let [low, high] = [0, kept.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (kept[middle]!.event.seq <= seq) low = middle + 1
      else high = middle
    }
    return low
  }
  const join = (after: number, upTo: number): string => {
    const some = kept.slice(countUpTo(after), countUpTo(upTo))
    return some.map(({ json }) => json).join(',')
  }
  const drop = (): void => {
    const begin = base?.seq ?? 0
    const figure = figures.oldestFollowed(begin)
    if (figure !== undefined) {
      const [dropped] = kept.splice(countUpTo(figure) - 1, 1)
      bytes -= dropped!.bytes
      return
    }
    const oldest = kept.shift()!
    base = foldStatus(base, oldest.event)
    bytes -= oldest.bytes
    isWhole = false
  }
  const keep = (event: NumberedEvent): void => {
    const json = jsonOf(event)
    const size = Buffer.byteLength(json)
    kept.push({ event, json, bytes: size })
    bytes += size
    figures.note(event)
    while (kept.length > limits.events || (bytes > limits.bytes && kept.length > 1)) drop()
  }
  const begin = (snapshot: SnapshotEvent): void => {
    // The numbers of what came before, in a recording of several lives, may come again.
    if (base) boot = randomUUID()
    base = foldStatus(undefined, snapshot)
    isWhole = snapshot.group.state.phase === 'idle'
    kept = []
    bytes = 0
    figures.begin(snapshot)
  }
  return {
    get boot() {
      return boot
    },
    get seq() {
      return last()
    },
    get completeSince() {
      if (!base || isWhole) return undefined
      return kept.reduce((at, { event: { clockSet = 0 } }) => at + clockSet, base.at)
    },
    add: event => (event.kind === 'snapshot' ? begin(event) : keep(event)),
    status: () => kept.reduce((status, { event }) => foldStatus(status, event), base),
    between: (after, upTo) => {
      if (!base || after < base.seq || after > last()) return undefined
      return `[${join(after, upTo)}]`
    },
    all: upTo => {
      if (!base) return ''
      const events = join(base.seq, upTo)
      return `[${jsonOf(snapshotOf(base))}${events && ','}${events}]`
    },
  }
}
