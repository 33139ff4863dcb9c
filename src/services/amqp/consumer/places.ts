import type { Delivery } from './delivery.ts'

/** Limits how many messages are handled at a time. Further messages wait, the oldest first. */
export interface Places {
  readonly areFull: boolean
  /** Begins with a message, at once or when there is a place. */
  take(delivery: Delivery): void
  /** Frees one place. */
  free(): void
  /** Returns the messages that wait, and forgets them. */
  clear(): readonly Delivery[]
}

/** @param begin Begins with a message. It returns false when the message takes no place. */
export const makePlaces = (limit: number, begin: (delivery: Delivery) => boolean): Places => {
  let taken = 0
  /** The messages that wait, the oldest first. A set, because `shift` of a long array is slow. */
  const waiting = new Set<Delivery>()
  let isFilling = false

  const tryToBegin = (delivery: Delivery) => {
    taken++
    if (!begin(delivery)) taken--
  }
  const nextWaiting = (): Delivery | undefined => {
    if (taken >= limit || waiting.size === 0) return undefined
    const [next] = waiting
    if (next) waiting.delete(next)
    return next
  }
  return {
    get areFull() {
      return taken >= limit
    },
    take: delivery => {
      if (taken < limit) tryToBegin(delivery)
      else waiting.add(delivery)
    },
    free: () => {
      taken--
      // A handler that ends at once frees its place while the places are filled.
      if (isFilling) return
      isFilling = true
      for (let next = nextWaiting(); next; next = nextWaiting()) tryToBegin(next)
      isFilling = false
    },
    clear: () => {
      const all = [...waiting]
      waiting.clear()
      return all
    },
  }
}
