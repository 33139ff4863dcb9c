/** Chance that can be had again: the same seed gives the same. */
export interface Chance {
  /** A whole number, from one to another, both included. */
  between(least: number, most: number): number
  pick<T>(from: readonly T[]): T
  shuffle<T>(all: readonly T[]): T[]
}

export const chanceFrom = (seed: number): Chance => {
  let state = seed >>> 0
  // Mulberry32.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    between,
    pick: from => from[between(0, from.length - 1)]!,
    shuffle: all => {
      const shuffled = [...all]
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = between(0, last)
        ;[shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!]
      }
      return shuffled
    },
  }
}
