import { totalmem } from 'node:os'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** A part of the memory, and the most that it may be, in bytes. */
export interface Use {
  readonly used: number
  readonly limit: number
}

/** The use of memory by this process. */
export interface MemoryUse {
  /** The objects of JavaScript. The limit is that of V8 for old objects, by which it ends a process. */
  readonly heap: Use
  /** Resident memory. The limit is that of the container, or the memory of the machine. */
  readonly resident: Use
}

/** Measures the memory of a process from when it is made until it is stopped. */
export interface MemoryGauge {
  read(): MemoryUse
  stop(): void
}

/** The places that tell of memory, in bytes. */
export interface MemorySources {
  readonly heapUsed: () => number
  readonly heapLimit: () => number
  readonly resident: () => number
  /** 0, or more than any machine has, when there is no limit. `undefined` where the runtime can't tell. */
  readonly container: () => number | undefined
  readonly machine: () => number
  /** Calls back after each full garbage collection, and returns the function that ends that. */
  readonly onFullCollection: (collected: () => void) => () => void
}

const MEBIBYTE = 2 ** 20

/** The size of a flag of V8 in bytes, given in MiB: the last one counts. */
const flagged = (name: string, words: string): number | undefined => {
  const found = [...words.matchAll(new RegExp(`--${name.replaceAll('-', '[-_]')}=(\\d+)`, 'g'))].at(-1)
  const size = Number(found?.[1] ?? 0) * MEBIBYTE
  return size > 0 ? size : undefined
}

/**
 * The limit of V8 for old objects, in bytes. `heap_size_limit` adds three semi-spaces for young ones, up to 192 MiB,
 * that no old object can use: a process with `--max-old-space-size=64` dies at 25 % of it on Node 24. V8 tells their
 * size nowhere; where no flag says it, they are at most a tenth.
 */
export const oldSpaceLimit = (heapSizeLimit: number, flags: string): number => {
  const young = 3 * (flagged('max-semi-space-size', flags) ?? 0)
  return flagged('max-old-space-size', flags) ?? (young < heapSizeLimit ? heapSizeLimit - young : heapSizeLimit)
}

/** The flags of V8, those of the command line last: they come before the others. */
const flagsOf = (): string => [process.env['NODE_OPTIONS'] ?? '', ...process.execArgv].join(' ')

const onFullCollection = (collected: () => void): (() => void) => {
  const isFull = (entry: object): boolean =>
    (entry as { readonly detail?: { readonly kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR
  const observer = new PerformanceObserver(list => {
    if (list.getEntries().some(isFull)) collected()
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

const SOURCES: MemorySources = {
  heapUsed: () => getHeapStatistics().used_heap_size,
  heapLimit: () => oldSpaceLimit(getHeapStatistics().heap_size_limit, flagsOf()),
  resident: () => process.memoryUsage.rss(),
  container: () => (process as { constrainedMemory?(): number }).constrainedMemory?.(),
  machine: totalmem,
  onFullCollection,
}

/**
 * A gauge of memory. Between two full garbage collections a heap grows by what is garbage already, near to its limit
 * too. So the heap is what the last one has left, as soon as there was one.
 */
export const startMemoryGauge = (sources: MemorySources = SOURCES): MemoryGauge => {
  const heapLimit = sources.heapLimit()
  let left = Infinity
  const stop = sources.onFullCollection(() => {
    left = sources.heapUsed()
  })
  return {
    read: () => {
      const machine = sources.machine()
      // It may change at any time: a pod is resized in place.
      const container = sources.container() ?? 0
      const limit = container > 0 && container < machine ? container : machine
      return {
        heap: { used: Math.min(left, sources.heapUsed()), limit: heapLimit },
        resident: { used: sources.resident(), limit },
      }
    },
    stop,
  }
}
