/** How many wrong tokens are answered at once, and how much each one after these adds to the wait, in milliseconds. */
interface Allowance {
  readonly free: number
  readonly each: number
}

const AN_ADDRESS: Allowance = { free: 5, each: 1_000 }
const ALL: Allowance = { free: 50, each: 100 }
/** A longer wait is refused. A server that drains waits for its answers. */
const LONGEST = 2_000
/** So many addresses are remembered. */
const ADDRESSES = 1_000

/** Slows down who gives wrong tokens. */
export interface WrongTokens {
  /**
   * Counts a wrong token, and returns for how many milliseconds its answer is to wait. When that is longer than
   * `LONGEST`, the answer is to be a refusal at once.
   */
  wait(address: string): number
  readonly longest: number
}

/**
 * Only wrong tokens are counted and wait: a right one is answered at once, from whatever address. Else anybody behind
 * the same proxy, or with a made up address, could lock out all others. A token is too long to be guessed anyway.
 *
 * @param now milliseconds of a clock that only goes forward
 */
export const newWrongTokens = (now: () => number = () => performance.now()): WrongTokens => {
  /** Until when the wrong tokens of an address count, the address that was seen last at the end. */
  const until = new Map<string, number>()
  let untilOfAll = 0
  return {
    longest: LONGEST,
    wait: address => {
      const at = now()
      const own = Math.max(until.get(address) ?? 0, at) + AN_ADDRESS.each
      const all = Math.max(untilOfAll, at) + ALL.each
      const wait = Math.max(0, own - at - AN_ADDRESS.free * AN_ADDRESS.each, all - at - ALL.free * ALL.each)
      // A request that is refused at once does not make the others wait even longer.
      if (wait > LONGEST) return wait
      untilOfAll = all
      until.delete(address)
      until.set(address, own)
      if (until.size > ADDRESSES) until.delete(until.keys().next().value!)
      return wait
    },
  }
}
