import type { Subscription } from 'rxjs'
import { after, type Clock, systemClock } from '../../../core/clock.ts'
import { milliseconds } from '../../../core/units.ts'

/** How long all places may be taken without the end of a message before `tell` is called, in milliseconds. */
export const PATIENCE = 300_000

/** Watches whether messages end. */
export interface Progress {
  /** Call it at the end of each message. */
  made(): void
  stop(): void
}

/**
 * @param areFull Whether all places are taken.
 * @param tell Called with a text when there is no progress, and with `undefined` when there is progress again.
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
