/** How long to wait between one end and the next start. Times are milliseconds. */
export interface Backoff {
  readonly initialDelay: number
  readonly factor: number
  readonly maxDelay: number
  /** Which part of a delay chance may take off: 0 for none, 1 for all of it. */
  readonly jitter: number
  /** A run of at least this long was stable: what comes after it begins anew. */
  readonly resetAfter: number
}

/** In milliseconds. What comes after so long is still a moment that a `Date` can hold. */
const LONGEST_DELAY = 1e15

/**
 * The attempt that follows one that ended, and how long it waits: exponentially longer each time, up to a cap, less
 * what chance takes off, so that what failed together does not come back together. After a stable run the next attempt
 * is the second again.
 *
 * @param attempt the one that ended, from 1
 * @param ranFor how long it was running, 0 if it never was
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
