import type { Subscription } from 'rxjs'
import { after, type Clock, systemClock } from '../../../core/clock.ts'
import { milliseconds } from '../../../core/units.ts'

/** How long all places may be taken without one message coming to its end, in milliseconds: then something is stuck. */
export const PATIENCE = 300_000

/** Looks whether messages come to their end. */
export interface Progress {
  /** A message has come to its end. */
  made(): void
  stop(): void
}

/**
 * @param areFull Whether all places are taken.
 * @param tell Told why, when there is no progress, and `undefined` when there is again.
 */
export const watchProgress = (
  areFull: () => boolean,
  tell: (why: string | undefined) => void,
  clock: Clock = systemClock,
): Progress => {
  let due: Subscription | undefined
  let wasMade = true
  let isStuck = false
  const look = () => {
    if (!wasMade && areFull()) {
      isStuck = true
      tell(`no message has come to its end for ${milliseconds(PATIENCE)}, and all places are taken`)
    }
    wasMade = !areFull()
    next()
  }
  const next = () => {
    due = after(clock, PATIENCE, look)
  }
  next()
  return {
    made: () => {
      wasMade = true
      if (!isStuck) return
      isStuck = false
      tell(undefined)
    },
    stop: () => due?.unsubscribe(),
  }
}
