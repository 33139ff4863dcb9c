import { Observable, type Subscriber } from 'rxjs'

/** A group with something to do. */
export interface Working {
  /** How many groups are around this group. */
  readonly depth: number
  /** Does one action. Returns false when there is nothing to do. */
  turn(): boolean
}

interface Waiter {
  readonly isDone: () => boolean
  readonly out: Subscriber<never>
}

/**
 * Every input of a group, and of all groups inside it, passes through one inbox. An input is written down as facts at
 * once. Then the groups act on the facts, the innermost group first, one action at a time, until nothing is left to do.
 * So no decision is made inside another.
 */
export class Inbox {
  readonly #working = new Set<Working>()
  #waiters: Waiter[] = []
  #held = false

  /** Writes facts. The groups act on them before this method returns, unless they are acting already. */
  take<T>(write: () => T): T {
    if (this.#held) return write()
    this.#held = true
    try {
      const result = write()
      this.#act()
      return result
    } finally {
      this.#held = false
    }
  }

  /** Notes that a group has something to do. */
  work(group: Working): void {
    this.#working.add(group)
  }

  /** Completes when something is true. This is checked when no group has anything left to do. */
  until(isDone: () => boolean): Observable<never> {
    return new Observable(out => {
      if (!this.#held && isDone()) return out.complete()
      const waiter = { isDone, out }
      this.#waiters.push(waiter)
      return () => {
        this.#waiters = this.#waiters.filter(other => other !== waiter)
      }
    })
  }

  #act(): void {
    for (;;) {
      let deepest: Working | undefined
      for (const group of this.#working) if (!deepest || group.depth > deepest.depth) deepest = group
      if (deepest) {
        if (!deepest.turn()) this.#working.delete(deepest)
      } else if (!this.#completeWait()) return
    }
  }

  /** Completes the first waiter whose condition is true. Returns false when there is none. */
  #completeWait(): boolean {
    const waiter = this.#waiters.find(({ isDone }) => isDone())
    waiter?.out.complete()
    return waiter !== undefined
  }
}
