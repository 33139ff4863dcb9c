import { chanceFrom } from './random.ts'

/** What is published: a number, and which copy of it; a producer that can't know whether one arrived makes another. */
export interface Numbered {
  readonly n: number
  readonly copy: string
}

/** How the handler of a message does, which only its number decides. */
export interface Conduct {
  /** How long it takes, in milliseconds; 0 ends at once, some in this very call. */
  readonly takes: number
  readonly async: boolean
  /** Which attempts fail. */
  readonly fails: 'none' | 'the first' | 'all'
}

export const LONGEST_HANDLER = 200
export const RETRY = { limit: 5, initialDelay: 300, factor: 1 }

/** Four of five end at once; one in a hundred fails at first, one in a thousand always. */
export const conductOf = (n: number): Conduct => {
  const chance = chanceFrom(n)
  const fails = n % 1000 === 500 ? 'all' : n % 100 === 7 ? 'the first' : 'none'
  return {
    takes: chance.between(1, 5) === 1 ? chance.between(1, LONGEST_HANDLER) : 0,
    async: chance.between(0, 2) > 0,
    fails,
  }
}
