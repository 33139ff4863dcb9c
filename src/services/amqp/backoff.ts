const FIRST = 100
const LONGEST = 1000

/**
 * How long to wait before an attempt to connect, in milliseconds: doubling from 100 to 1,000, less up to half of that by
 * chance, so that the many clients of a broker that comes back don't all come at once. The longest is short because a
 * consumer that waits is work not done, and one attempt a second burdens no broker.
 */
export const backoff = (attempt: number, random: number = Math.random()): number =>
  Math.min(LONGEST, FIRST * 2 ** attempt) * (1 - random / 2)
