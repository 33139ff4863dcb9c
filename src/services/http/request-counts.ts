import type { Info } from '../../core/state.ts'
import type { Connection } from './connection.ts'

/** The requests of one incarnation. Those that are under way are counted when somebody asks. */
export interface RequestCounts {
  /** Requests that have come: also upgrades and tunnels, and streams of HTTP/2. */
  begun: number
  /** Requests that were answered with a status from 500 on. */
  failed: number
  /** Requests that ended before their answer was whole: the client has left, or the app has destroyed the answer. */
  aborted: number
  /** Requests that the service has cut. */
  cut: number
  /** Called whenever a request begins, and when one that is followed is over. */
  readonly changed: () => void
}

export const newCounts = (changed: () => void): RequestCounts => ({
  begun: 0,
  failed: 0,
  aborted: 0,
  cut: 0,
  changed,
})

/** Counts a request whose answer is whole. */
export const countAnswer = (counts: RequestCounts, status: number): void => {
  if (status >= 500) counts.failed++
}

/** Counts requests that ended before their answer was whole. */
export const countUnanswered = (counts: RequestCounts, number: number, isCut: boolean): void => {
  if (isCut) counts.cut += number
  else counts.aborted += number
}

/**
 * The figures of a server, each request in one of `inFlight`, `handled` and `aborted`, unless the service has cut it.
 * Nothing before the first request.
 */
export const figuresOf = (connections: readonly Connection[], counts: RequestCounts): Info => {
  if (counts.begun === 0) return {}
  let inFlight = 0
  let uncounted = 0
  for (const connection of connections) {
    inFlight += connection.count()
    uncounted += connection.uncounted()
  }
  const { begun, failed, aborted, cut } = counts
  const handled = begun - aborted - cut - uncounted
  return { inFlight, handled, ...(failed > 0 && { failed }), ...(aborted > 0 && { aborted }) }
}
