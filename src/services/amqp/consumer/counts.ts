import type { Info } from '../../../core/state.ts'
import { makeNews, type News } from '../../common/news.ts'

/** Counts of messages by their outcome, for people. */
export interface Counts extends News {
  /** Messages that ended well; counted before `changed`, because there are many. */
  handled: number
  failed: number
  retried: number
  parked: number
  deadLettered: number
  requeued: number
  dropped: number
  lastFailure: string | undefined
}

const NUMBERS = ['failed', 'retried', 'parked', 'deadLettered', 'requeued', 'dropped'] as const

export const makeCounts = (inFlight: () => number, tell: (info: Info) => void): Counts => {
  let handledBefore = 0
  let lastProgress: string | undefined

  const now = (): Info => {
    const { handled, lastFailure } = counts
    if (handled > handledBefore) lastProgress = new Date().toISOString()
    handledBefore = handled
    return {
      inFlight: inFlight(),
      handled,
      ...Object.fromEntries(NUMBERS.flatMap(name => (counts[name] > 0 ? [[name, counts[name]]] : []))),
      ...(lastFailure !== undefined && { lastFailure }),
      ...(lastProgress !== undefined && { lastProgress }),
    }
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
    ...makeNews(now, tell),
  }
  return counts
}
