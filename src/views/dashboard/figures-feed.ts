import type { ProcessFigures } from '../../core/figures.ts'
import { measureProcess, type ProcessMeter } from '../../process/figures.ts'
import type { Feed } from './feed.ts'
import { message } from './message.ts'

/** A value each second, in milliseconds, for ten minutes. */
const EVERY = 1_000
const KEPT = 600

/** The message `figures`. */
export interface FiguresMessage {
  /** These are all figures that are kept: a page forgets those that it had. */
  readonly all: boolean
  readonly figures: readonly ProcessFigures[]
}

/**
 * What this process needs, as messages `figures`: CPU, memory and event-loop delay. They are measured once a second
 * while somebody watches, and not at other times. The last ten minutes that were watched are kept.
 */
export const figuresFeed = (): Feed => {
  let kept: ProcessFigures[] = []
  let timer: NodeJS.Timeout | undefined
  let meter: ProcessMeter | undefined

  const close = (): void => {
    clearInterval(timer)
    meter?.stop()
    timer = meter = undefined
  }
  return {
    first: () => (kept.length === 0 ? '' : message('figures', { all: true, figures: kept } satisfies FiguresMessage)),
    open: tell => {
      meter = measureProcess()
      timer = setInterval(() => {
        const { at, cpu, memory, heap, delay } = meter!.read()
        const figures = { at, cpu, memory, heap, delay }
        kept = [...kept.slice(1 - KEPT), figures]
        tell(message('figures', { all: false, figures: [figures] } satisfies FiguresMessage))
      }, EVERY).unref()
    },
    close,
    end: close,
  }
}
