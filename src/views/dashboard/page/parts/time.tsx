import { createContext, type JSX } from 'preact'
import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { wholeSeconds } from '../../../../core/units.ts'
import type { Store, View } from '../store.ts'

/** Where all parts get the data and the time from. */
export const StoreContext = createContext<Store>(undefined as unknown as Store)

/** How the process is heard. Another event is no reason to draw anew. */
export const useConnection = (): View['connection'] => useSome(useContext(StoreContext), ({ connection }) => connection)

export const useViewOf = (store: Store): View => useSome(store, view => view)

const useSome = <T,>(store: Store, of: (view: View) => T): T => {
  const [some, show] = useState(of(store.view))
  useEffect(() => {
    const look = (): void => show(of(store.view))
    look()
    return store.listen(look)
  }, [store])
  return some
}

/** The server's time, anew every so often. With reduced motion nothing moves more than once a second. */
export const useNow = (every: number): number => {
  const store = useContext(StoreContext)
  const [, draw] = useState(0)
  useEffect(() => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
    const timer = setInterval(() => draw(store.now()), calm ? Math.max(every, 1_000) : every)
    return () => clearInterval(timer)
  }, [store, every])
  return store.now()
}

const counters = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** A text that goes with the time. One timer for all, and only a text that changes is touched. */
const useCounter = (text: (now: number) => string, stands: boolean, ...inputs: readonly unknown[]): JSX.Element => {
  const store = useContext(StoreContext)
  const element = useRef<HTMLSpanElement>(null)
  useLayoutEffect(() => {
    let shown = ''
    const count = (): void => {
      const next = text(store.now())
      if (next === shown || !element.current) return
      shown = next
      element.current.textContent = next
    }
    count()
    if (stands) return
    counters.add(count)
    timer ??= setInterval(() => {
      for (const one of counters) one()
    }, 250)
    return () => {
      counters.delete(count)
      if (counters.size > 0) return
      clearInterval(timer)
      timer = undefined
    }
  }, [store, stands, ...inputs])
  return <span ref={element} class="number" />
}

/** The time since something, or until it ended. */
export const Elapsed = ({
  since,
  until,
}: {
  readonly since: number
  readonly until?: number | null | undefined
}): JSX.Element =>
  useCounter(now => wholeSeconds((until ?? now) - since), until !== undefined && until !== null, since, until)

/** How long it takes until something is due: `in 3 s`, and then `now`. */
export const Due = ({ at }: { readonly at: number }): JSX.Element =>
  useCounter(now => (at > now ? `in ${wholeSeconds(at - now + 999)}` : 'now'), false, at)

/** With more services than this every drawing costs a while. */
export const MANY = 60

/** The latest of a value, but another at most so often, for what is costly to draw; 0 is always the latest. */
export const useCalm = <T,>(value: T, every: number): T => {
  const latest = useRef(value)
  const timer = useRef<number | undefined>(undefined)
  const [shown, show] = useState(value)
  latest.current = value
  useEffect(() => {
    if (every === 0 || value === shown || timer.current !== undefined) return
    timer.current = window.setTimeout(() => {
      timer.current = undefined
      show(latest.current)
    }, every)
  }, [value, shown, every])
  useEffect(() => () => window.clearTimeout(timer.current), [])
  return every === 0 ? value : shown
}
