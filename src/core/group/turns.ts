import { isFinal } from '../state.ts'
import type { Members } from './members.ts'

/** The time that each service still to come is left with, in milliseconds, when there is plenty. */
const A_TURN = 500

/** The part of a short time that is kept for stopping, when a drain hangs. */
const FOR_STOPPING = 0.4

/** How many services stop one after another, those of the longest chain. A nested group takes a turn for each. */
export interface Turns {
  /** Of the member itself: 0 when it is over. */
  readonly own: number
  /** Of those that stop after it. */
  readonly after: number
}

/** For each member, the turns from its own on. */
export const turnsOf = ({ graph, at }: Members): readonly Turns[] => {
  const turns: Turns[] = []
  for (const node of graph.sequence) {
    const { state, entry } = at(node)
    const own = isFinal(state) ? 0 : (entry.inside?.turns?.() ?? 1)
    turns[node] = { own, after: longest(graph.before[node]!.map(before => turns[before]!)) }
  }
  return turns
}

export const longest = (turns: readonly Turns[]): number =>
  turns.reduce((most, { own, after }) => Math.max(most, own + after), 0)

/**
 * How long a service may take to stop, in milliseconds, so that those that stop after it have a turn too.
 *
 * @param left what all of them have together
 * @param forceTimeout how much longer a service takes that has to be forced
 */
export const stopShare = (left: number, { own, after }: Turns, forceTimeout: number): number => {
  const graceful = Math.max(left - forceTimeout, left / 2)
  return graceful - after * Math.min(A_TURN, graceful / (own + after))
}

/** How long all services together may drain, in milliseconds, so that there is time to stop them in turn. */
export const drainShare = (left: number, turns: number, forceTimeout: number): number =>
  left - Math.min(left * FOR_STOPPING, forceTimeout + turns * A_TURN)
