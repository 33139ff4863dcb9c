import { milliseconds } from '../core/units.ts'
import type { Platform } from './platform.ts'

/** The clocks of a shutdown that has to end inside a grace period, in milliseconds. */
export interface Budget {
  readonly drainDelay: number
  readonly shutdownTimeout: number
  readonly forceTimeout: number
}

/** The longest time that is kept for the report and the end of the process. */
const FOR_THE_END = 500

/** The parts of a short grace period: for forced services, for the end of the process, and for the drain delay. */
const FORCED = 0.1
const ENDING = 0.1
const DELAYED = 0.5

/**
 * How long the process may take to end by itself, after a shutdown that has used a part of the grace period, in
 * milliseconds.
 */
export const exitGraceOf = (exitGrace: number, grace: number, used: number): number =>
  exitGrace === Infinity
    ? Infinity
    : Math.min(exitGrace, Math.max(0, grace - used - Math.min(FOR_THE_END, grace * ENDING) / 2))

/** The grace period of a run, and who says it. */
export interface Grace {
  readonly ms: number
  /** Named when its default is not what the user has said. */
  readonly platform?: Platform
}

/** The budget of a run, and a warning if not all that was asked for fits in. */
export interface Fitted extends Budget {
  readonly warning?: string
}

/**
 * Fits the clocks into a grace period. A shutdown timeout that is longer than the default of a platform counts: then
 * the platform was given another grace period, or will cut the shutdown short.
 *
 * @param asked the clocks as the options say
 * @param isGiven whether the shutdown timeout was given, and is no default
 */
export const fit = ({ ms, platform }: Grace, asked: Budget, isGiven: boolean): Fitted => {
  const budget = budgetOf(ms, asked)
  const gives = platform
    ? `${platform.name} gives ${milliseconds(ms)} (${platform.setting})`
    : `grace is ${milliseconds(ms)}`
  const remedy = platform ? '; if it gives more, say so with grace' : ''
  if (isGiven && platform && budget.shutdownTimeout < asked.shutdownTimeout) {
    const needed = asked.shutdownTimeout + asked.forceTimeout + FOR_THE_END
    const what = `shutdownTimeout is ${milliseconds(asked.shutdownTimeout)}, and ${gives}`
    return { ...asked, warning: `${what}: services may be killed before they are stopped${remedy}: ${needed}` }
  }
  const cut = (['drainDelay', 'shutdownTimeout'] as const).filter(
    clock => (clock === 'drainDelay' || isGiven) && budget[clock] < asked[clock],
  )
  if (cut.length === 0) return budget
  const each = cut.map(clock => `${clock} is cut from ${milliseconds(asked[clock])} to ${milliseconds(budget[clock])}`)
  return { ...budget, warning: `${gives}, so ${each.join(', and ')}${remedy}` }
}

/**
 * The clocks, each as long as was asked where the grace period has room: the drain delay, then the drain and the stop,
 * then what is forced, then the end of the process.
 */
export const budgetOf = (grace: number, asked: Budget): Budget => {
  if (grace === Infinity) return asked
  const ending = Math.min(FOR_THE_END, grace * ENDING)
  const spare = grace - ending - asked.shutdownTimeout
  const forceTimeout = Math.min(asked.forceTimeout, Math.max(spare, grace * FORCED))
  const shutdownTimeout = Math.min(asked.shutdownTimeout, grace - forceTimeout - ending)
  return {
    drainDelay: Math.min(asked.drainDelay, shutdownTimeout * DELAYED),
    shutdownTimeout,
    forceTimeout,
  }
}
