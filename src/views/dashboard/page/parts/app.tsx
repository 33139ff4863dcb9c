import type { JSX } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { isStale, pastStore, type Store } from '../store.ts'
import { Announcer } from './announcer.tsx'
import { Page } from './page.tsx'
import { PlaceContext, useAddress } from './place.tsx'
import { StoreContext, useViewOf } from './time.tsx'

/** The page of the present process, or of the one before when the reader has asked for that. */
export const App = ({ store }: { readonly store: Store }): JSX.Element => {
  const view = useViewOf(store)
  const places = useAddress()
  const { previous } = view
  const past = useMemo(() => previous && pastStore(previous), [previous])
  const shown = places.place.run === 'previous' && past ? past : store
  useEffect(() => {
    // For the style: all chips of what may not be true any more.
    document.documentElement.toggleAttribute('data-stale', isStale(shown.view))
  })
  return (
    <PlaceContext.Provider value={places}>
      <StoreContext.Provider value={shown}>
        <Page key={shown === past ? 'past' : 'present'} view={shown.view} latest={view} />
        <Announcer view={shown.view} />
      </StoreContext.Provider>
    </PlaceContext.Provider>
  )
}
