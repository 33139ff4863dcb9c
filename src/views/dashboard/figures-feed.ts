import type { GroupFigures } from '../../core/figures.ts'
import { isFinal, type ServiceState } from '../../core/state.ts'
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
  readonly figures: readonly GroupFigures[]
}

/**
 * The figures of this process and of its services, as messages `figures`. They are measured once a second while
 * somebody watches, and not at other times. The last ten minutes that were watched are kept.
 */
export const figuresFeed = (): Feed => {
  const work = countWork()
  let kept: readonly GroupFigures[] = []
  let timer: NodeJS.Timeout | undefined
  let meter: ProcessMeter | undefined

  const close = (): void => {
    clearInterval(timer)
    meter?.stop()
    timer = meter = undefined
  }
  return {
    first: () => message('figures', { all: true, figures: kept } satisfies FiguresMessage),
    open: tell => {
      meter = measureProcess()
      work.read()
      timer = setInterval(() => {
        const { at, cpu, memory, heap, delay } = meter!.read()
        const figures = { at, cpu, memory, heap, delay, ...work.read() }
        kept = [...kept.slice(1 - KEPT), figures]
        tell(message('figures', { all: false, figures: [figures] } satisfies FiguresMessage))
      }, EVERY).unref()
    },
    close,
    end: close,
    hear: event => {
      if (event.kind === 'snapshot') {
        work.clear()
        for (const { path, state, observer } of event.services) {
          if (observer) work.leaveOut(path)
          work.note(path, state)
        }
      } else if (event.kind === 'added' && event.observer) work.leaveOut(event.path)
      else if (event.kind === 'transition') work.note(event.path, event.state)
      else if (event.kind === 'removed') work.forget(event.path)
    },
  }
}

interface Told {
  readonly inFlight: number | undefined
  readonly handled: number | undefined
}

/**
 * Adds up what services tell of their work in `info`: `inFlight` and `handled`. The requests of an observer, such as
 * those of this dashboard, are no work of the group.
 */
const countWork = () => {
  const services = new Map<string, Told>()
  const observers = new Set<string>()
  const isIn = (path: string, whole: string): boolean => path === whole || path.startsWith(`${whole}/`)
  let handled = 0
  return {
    note: (path: string, state: ServiceState): void => {
      const now: Told = { inFlight: numberOf(state, 'inFlight'), handled: numberOf(state, 'handled') }
      if ((now.inFlight === undefined && now.handled === undefined) || [...observers].some(one => isIn(path, one)))
        return
      const before = services.get(path)
      // Work that was handled before anybody counted does not count. A new incarnation counts from 0.
      const from = before?.handled ?? now.handled ?? 0
      const to = now.handled ?? from
      handled += to < from ? to : to - from
      services.set(path, isFinal(state) ? { ...now, inFlight: 0 } : now)
    },
    leaveOut: (path: string): void => void observers.add(path),
    forget: (path: string): void => {
      for (const other of [...services.keys()]) if (isIn(other, path)) services.delete(other)
      for (const other of [...observers]) if (isIn(other, path)) observers.delete(other)
    },
    clear: (): void => {
      services.clear()
      observers.clear()
    },
    /** The work in flight now, and the work handled since the last reading. */
    read: (): Pick<GroupFigures, 'inFlight' | 'handled'> => {
      const all = [...services.values()]
      const inFlight = all.reduce((sum, told) => sum + (told.inFlight ?? 0), 0)
      const since = handled
      handled = 0
      return {
        ...(all.some(told => told.inFlight !== undefined) && { inFlight }),
        ...(all.some(told => told.handled !== undefined) && { handled: since }),
      }
    },
  }
}

const numberOf = ({ info }: ServiceState, name: string): number | undefined => {
  const value = info?.[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
