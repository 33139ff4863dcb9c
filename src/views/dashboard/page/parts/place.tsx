import { createContext } from 'preact'
import { useContext, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { addressOf, type Place, placeOf } from '../place.ts'

/** Where the reader is, and the way to somewhere else. */
export interface Places {
  readonly place: Place
  /** Goes to a place like the present one but for some changes: a step that one can go back from. */
  go(change: Partial<Place>): void
  /** The same without such a step, for what changes with every key. */
  amend(change: Partial<Place>): void
  /** The address of a place like the present one but for some changes. */
  href(change: Partial<Place>): string
}

export const PlaceContext = createContext<Places>(undefined as unknown as Places)

export const usePlaces = (): Places => useContext(PlaceContext)

export const useAddress = (): Places => {
  const [place, setPlace] = useState(() => placeOf(location.hash))
  /** Ahead of what is drawn, when two changes come in one event. */
  const latest = useRef(place)
  const show = (next: Place): void => {
    latest.current = next
    setPlace(next)
  }
  useEffect(() => {
    const read = (): void => show(placeOf(location.hash))
    // Going back, following a link, and changing the address by hand.
    addEventListener('popstate', read)
    addEventListener('hashchange', read)
    return () => {
      removeEventListener('popstate', read)
      removeEventListener('hashchange', read)
    }
  }, [])
  return useMemo(() => {
    const move = (change: Partial<Place>, how: 'pushState' | 'replaceState'): void => {
      const before = addressOf(latest.current)
      const address = addressOf({ ...latest.current, ...change })
      if (address === before) return
      show(placeOf(address))
      try {
        history[how](null, '', address)
      } catch {
        // A browser allows so many changes a minute only. The page goes on without.
      }
    }
    return {
      place,
      go: change => move(change, 'pushState'),
      amend: change => move(change, 'replaceState'),
      href: change => addressOf({ ...place, ...change }),
    }
  }, [place])
}
