import type { Socket } from 'node:net'
import type { UnderWay } from '../common/cut.ts'

/** A connection, and how one that speaks its protocol is taken leave of. */
export interface Connection {
  readonly socket: Socket
  /** How long its client takes from an answer to the next request, in ms. 0: not measured yet. */
  readonly gap: number
  /** How much is under way on it. */
  count(): number
  /** How many requests of it have begun, and are not counted as over. The same as `count()`, until it is destroyed. */
  uncounted(): number
  work(): readonly UnderWay[]
  /**
   * Draining, while something is under way: ends what is endless, tells clients to go that can be told. `quietFor`: for
   * how many ms no byte came or went.
   */
  hasten(quietFor: number): void
  /** Nothing is under way, and nobody has written for a while. Told again while it is still there. */
  close(): void
  destroy(): void
}
