import { type Subscription, timer } from 'rxjs'
import type { Info } from '../../../core/state.ts'

/** How often the numbers are told, in milliseconds. */
const EVERY = 1000

/** What has become of messages, in numbers for people: told once a second at most, and only when they have changed. */
export interface Counts {
  /** Messages that ended well; counted before `changed`, because there are many. */
  handled: number
  failed: number
  retried: number
  parked: number
  deadLettered: number
  requeued: number
  dropped: number
  lastFailure: string | undefined
  /** To be called whenever one of them, or the number in flight, has changed. */
  changed(): void
  /** Tells at once what has changed. */
  flush(): void
  stop(): void
}

const NUMBERS = ['failed', 'retried', 'parked', 'deadLettered', 'requeued', 'dropped'] as const

export const makeCounts = (inFlight: () => number, tell: (info: Info) => void): Counts => {
  let waiting: Subscription | undefined
  let stopped = false
  let toldHandled = 0
  let told: Info = {}

  const flush = () => {
    const now: Record<string, string | number> = { inFlight: inFlight(), handled: counts.handled }
    for (const name of NUMBERS) if (counts[name] > 0) now[name] = counts[name]
    if (counts.lastFailure !== undefined) now['lastFailure'] = counts.lastFailure
    if (counts.handled > toldHandled) now['lastProgress'] = new Date().toISOString()
    const isNews = Object.keys(now).some(name => now[name] !== told[name])
    if (!isNews) return
    toldHandled = counts.handled
    told = { ...told, ...now }
    tell(now)
  }
  const next = () => {
    waiting = undefined
    counts.changed()
  }

  const counts: Counts = {
    handled: 0,
    failed: 0,
    retried: 0,
    parked: 0,
    deadLettered: 0,
    requeued: 0,
    dropped: 0,
    lastFailure: undefined,
    changed: () => {
      if (waiting || stopped) return
      const before = told
      flush()
      if (told !== before) waiting = timer(EVERY).subscribe(next)
    },
    flush,
    stop: () => {
      stopped = true
      waiting?.unsubscribe()
    },
  }
  return counts
}
