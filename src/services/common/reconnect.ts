import { type Backoff, backoff } from '../../core/behaviors/backoff.ts'

/**
 * The waits of a client that connects again: 50 ms at first, doubled up to 600 ms, less up to half of that by chance,
 * so that the many clients of a server that comes back do not all come at once. The longest wait is short: a consumer
 * that waits is work not done, and two attempts a second burden no server.
 */
const RECONNECT: Backoff = { initialDelay: 50, factor: 2, maxDelay: 600, jitter: 0.5, resetAfter: 10_000 }

/** The waits before the attempts of one client. A connection that lasted for 10 s was stable: its loss is the first. */
export interface Reconnect {
  /**
   * The wait before the next attempt, in milliseconds.
   *
   * @param lasted how long the connection that was lost had stood, in milliseconds; 0 for one that was never made
   */
  next(lasted: number): number
}

/**
 * The waits of one client that connects again.
 *
 * @param rules Default: 50 ms at first, doubled up to 600 ms, less up to half of that by chance.
 * @example
 * ```ts
 * const reconnect = makeReconnect()
 * const wait = reconnect.next(0) // the connection was never made
 * console.log(wait > 0 && wait <= 50) // true
 * ```
 */
export const makeReconnect = (rules: Backoff = RECONNECT, random: () => number = Math.random): Reconnect => {
  let attempt = 1
  return {
    next: lasted => {
      const wait = backoff(rules, attempt, lasted, random())
      attempt = wait.attempt
      return wait.delay
    },
  }
}
