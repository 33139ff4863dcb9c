import type { Info } from './state.ts'

/** The use of resources by the process at one moment. */
export interface ProcessFigures {
  /** In milliseconds since the epoch. */
  readonly at: number
  /** Of one core since the moment before, in percent: two busy threads are 200. */
  readonly cpu: number
  /** Resident memory, in bytes. */
  readonly memory: number
  /** The part of it that JavaScript objects use, in bytes. */
  readonly heap: number
  /** How late the event loop was since the moment before, at the 99th percentile, in milliseconds. */
  readonly delay: number
}

/** The use of resources by the process, and the work of its services, at one moment. */
export interface GroupFigures extends ProcessFigures {
  /** The pieces of work in flight, of all services that tell `inFlight` in their `info`. */
  readonly inFlight?: number
  /** The pieces of work since the moment before, of all services that count `handled` in their `info`. */
  readonly handled?: number
}

/** A figure of a service: its name in `info`, and its value. */
export type Figure = readonly [name: string, value: number]

/** The most figures of one service. */
export const MOST_FIGURES = 10

/** The figures of services of this library that count up, from 0 in each incarnation. */
const COUNTS: ReadonlySet<string> = new Set([
  'handled',
  'failed',
  'aborted',
  'retried',
  'parked',
  'deadLettered',
  'requeued',
  'dropped',
  'confirmed',
  'unroutable',
  'nacked',
  'refused',
  'overflowed',
  'skipped',
])

/** Whether a figure of this name counts up. */
export const isCount = (name: string): boolean => COUNTS.has(name)

/** Numbers in `info` that name something, and measure nothing. */
const NAMES: ReadonlySet<string> = new Set(['port', 'pid', 'threadId'])

/**
 * The figures that a service tells: the numbers in its `info`, but for `port`, `pid` and `threadId`. The first ten
 * count, in the order in which the service has told them.
 */
export const figuresOf = (info: Info | undefined): readonly Figure[] => {
  if (!info) return []
  const figures: Figure[] = []
  for (const [name, value] of Object.entries(info))
    if (typeof value === 'number' && Number.isFinite(value) && !NAMES.has(name))
      if (figures.push([name, value]) === MOST_FIGURES) break
  return figures
}
