import type { ServiceState } from '../../core/state.ts'
import type { GroupEvent, SnapshotEvent } from '../../core/status/events.ts'
import { isFiguresOnly } from '../../core/text/transition-text.ts'

export type NumberedEvent = Exclude<GroupEvent, SnapshotEvent>

/** Transitions that tell nothing but figures of a service that is busy. Each one says all that those before it said. */
export class FigureEvents {
  readonly #states = new Map<string, ServiceState>()
  /** The number of the last transition of each service. */
  readonly #last = new Map<string, number>()
  /** Transitions that have not been told by `oldestFollowed`, the oldest first. */
  #waiting: { readonly path: string; readonly seq: number }[] = []

  begin({ group, services }: SnapshotEvent): void {
    this.#states.clear()
    this.#last.clear()
    this.#waiting = []
    for (const { path, state } of [group, ...services]) this.#states.set(path, state)
  }

  note(event: NumberedEvent): void {
    const { kind, path, seq } = event
    if (kind !== 'transition') {
      // A service that is added anew begins anew.
      if (kind === 'added' || kind === 'removed') this.#states.delete(path)
      return
    }
    const before = this.#states.get(path)
    this.#states.set(path, event.state)
    this.#last.set(path, seq)
    // The clock is set for all that came before.
    if (before && isFiguresOnly(before, event.state) && !event.clockSet) this.#waiting.push({ path, seq })
  }

  /** The number of the oldest one after a number that another transition of its service follows. It is told once. */
  oldestFollowed(after: number): number | undefined {
    for (let one = this.#waiting.shift(); one; one = this.#waiting.shift())
      if (one.seq > after && this.#last.get(one.path) !== one.seq) return one.seq
    return undefined
  }
}
