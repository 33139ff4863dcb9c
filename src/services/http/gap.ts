/** A client that thinks longer than this is not about to ask, in ms. */
const LONGEST = 700
/** The part that is left of a longer gap with each shorter one that follows. */
const FADES_TO = 0.9
/** How many gaps long a connection must be quiet for its client to have stopped asking. */
const GAPS = 1.5

/**
 * How long a client takes from an answer to its next request, in ms: a round trip, and its time to think. 0: unknown.
 * The longest of late counts.
 */
export const laterGap = (gap: number, measured: number): number =>
  measured > LONGEST ? gap : Math.max(measured, gap * FADES_TO)

/** A handshake holds at least one round trip, and no time to think. */
export const gapOfHandshake = (took: number): number => Math.min(took, LONGEST)

/** How long a client with this gap must be quiet, in ms. */
export const patienceFor = (gap: number): number => gap * GAPS
