const FIRST = 50
const LONGEST = 600

/**
 * How long to wait before an attempt, in milliseconds: doubling from 50 to 600, less up to half of that by chance, so
 * that the many clients of a broker that comes back don't all come at once. The longest is short because a consumer
 * that waits is work not done, and two attempts a second burden no broker.
 */
export const backoff = (attempt: number, random: number = Math.random()): number =>
  Math.min(LONGEST, FIRST * 2 ** attempt) * (1 - random / 2)

/** What was good for this long, in milliseconds, was stable: its loss begins a new backoff. */
export const STABLE_AFTER = 10_000
