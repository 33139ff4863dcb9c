/** How long to wait between one end and the next start. Times are milliseconds. */
export interface Backoff {
  readonly initialDelay: number
  readonly factor: number
  readonly maxDelay: number
  /** The part of a delay that chance may take off: 0 for none, 1 for all of it. */
  readonly jitter: number
  /** An incarnation that was running for at least so long was stable: after it the delays begin anew. */
  readonly resetAfter: number
}

/** In milliseconds. A moment so far from now is still one that a `Date` can hold. */
const LONGEST_DELAY = 1e15

/**
 * The next attempt, and the delay before it. Delays grow exponentially up to a cap. Chance takes off a part, so that
 * services that failed together do not come back together. After a stable incarnation the next attempt is the second
 * again.
 *
 * @param attempt the number of the one that ended, from 1
 * @param ranFor how long that one was running, 0 if it never was
 * @param random 0 to 1
 */
export const backoff = (
  { initialDelay, factor, maxDelay, jitter, resetAfter }: Backoff,
  attempt: number,
  ranFor: number,
  random: number,
): { readonly attempt: number; readonly delay: number } => {
  const stable = ranFor > 0 && ranFor >= resetAfter
  const next = stable ? 2 : attempt + 1
  const cap = Math.min(maxDelay, LONGEST_DELAY)
  // Zero times a factor that has grown beyond all numbers would be no number.
  const whole = initialDelay === 0 ? 0 : Math.min(cap, initialDelay * factor ** (next - 2))
  return { attempt: next, delay: Math.min(cap, Math.ceil(whole * (1 - jitter * random))) }
}
