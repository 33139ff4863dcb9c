import type { Subscription } from 'rxjs'
import { after, systemClock } from '../../core/clock.ts'
import type { Info } from '../../core/state.ts'

/** The least time between two pieces of news, in milliseconds. */
const EVERY = 1_000

/** The particulars of a service that change too often to be told each time. */
export interface News {
  /** A particular may have changed. A call costs next to nothing. */
  changed(): void
  /** Tells at once what has changed. */
  flush(): void
  stop(): void
}

/**
 * Tells the particulars of a service once a second at most, and only those that have changed. For counters that change
 * with each piece of work. Call `stop()` when the service ends.
 *
 * @example
 * ```ts
 * let handled = 0
 * const news = makeNews(() => ({ handled }), info => console.log(info)) // the second is `info` of a hook's context
 * handled++
 * news.changed()
 * news.stop()
 * ```
 */
export const makeNews = (now: () => Info, tell: (info: Info) => void): News => {
  let waiting: Subscription | undefined
  let stopped = false
  let told: Info = {}

  const flush = (): boolean => {
    const particulars = now()
    const news = Object.entries(particulars).filter(([name, value]) => value !== told[name])
    if (news.length === 0) return false
    told = { ...told, ...particulars }
    tell(Object.fromEntries(news))
    return true
  }
  const changed = () => {
    if (waiting || stopped || !flush()) return
    waiting = after(systemClock, EVERY, () => {
      waiting = undefined
      changed()
    })
  }
  return {
    changed,
    flush: () => void flush(),
    stop: () => {
      stopped = true
      waiting?.unsubscribe()
    },
  }
}
