import type { Delivery } from './delivery.ts'

/** How many messages are handled at a time. Those beyond that wait, the oldest first. */
export interface Places {
  readonly areFull: boolean
  /** Begins with a message, at once or when there is a place. */
  take(delivery: Delivery): void
  /** A message no longer takes its place. */
  free(): void
  /** Those that wait, which from now on don't. */
  clear(): readonly Delivery[]
}

/** @param begin Begins with a message. False: it was dealt with otherwise, and takes no place. */
export const makePlaces = (limit: number, begin: (delivery: Delivery) => boolean): Places => {
  let taken = 0
  /** The oldest first. To shift a long array is slow. */
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
