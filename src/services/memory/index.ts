import { systemClock } from '../../core/clock.ts'
import { count, known, must, namesOf, positive } from '../../core/options.ts'
import { checkName, type Service } from '../../core/service.ts'
import { startMemoryGauge } from '../../process/memory-use.ts'
import { monitorMemory } from './monitor.ts'

/** When the memory of this process is not well. Shares are of a limit: 0.8 is 80 %. */
export interface MemoryUseOptions {
  /** How often memory is looked at, in milliseconds. Default 1,000. */
  readonly interval?: number
  /** The share from which on health is `warn`; `Infinity`: never. Default 0.8. */
  readonly warn?: number
  /** The share from which on health is `fail`, so that the group is not ready; `Infinity`: never. Default 0.9. */
  readonly fail?: number
  /** How many samples in a row it takes to change the health, for the worse and for the better. Default 3. */
  readonly threshold?: number
}

const OPTIONS = namesOf<MemoryUseOptions>({ interval: true, warn: true, fail: true, threshold: true })

/** A share of a limit, checked. */
const share = (whose: string, option: string, value: number): number => {
  const isShare = typeof value === 'number' && value > 0 && (value <= 1 || value === Infinity)
  must(whose, option, isShare, 'a share > 0 and <= 1 such as 0.8, or Infinity', value)
  return value
}

/**
 * A service whose health follows the memory of this process. Add it as an observer: it runs from first to last, and
 * does not hold up the end of a group whose tasks are over. Two things are looked at, and the worse one counts:
 *
 * - the **heap** against the limit of V8 (`--max-old-space-size`), at which V8 ends the process. What is garbage
 *   already does not count: the heap is what the last full garbage collection has left. V8 may end the process from
 *   80 % on, when it does little but collect.
 * - **resident memory** against the limit of the container, at which the kernel kills the process, or against the
 *   memory of the machine where there is no such limit. Buffers count here and not in the heap. Other processes of the
 *   container do not count.
 *
 * The detail tells it in words: `heap 1.9 GB of 2.1 GB (92 %)`. `info` has `heapMB`, `heapLimitMB`, `residentMB` and
 * `residentLimitMB`, told with the first sample, when a limit is crossed, and when a share has moved by five points. A
 * megabyte is 2^20 bytes, as in the limits of V8, Docker and Kubernetes.
 *
 * @param name Default `'memory'`.
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * import { memoryUse } from 'rx-service-group/memory'
 *
 * const group = serviceGroup('shop').add(memoryUse('memory', { warn: 0.7, fail: 0.85 }), { observer: true })
 * ```
 */
export const memoryUse = <const Name extends string = 'memory'>(
  name: Name = 'memory' as Name,
  options: MemoryUseOptions = {},
): Service<Name> => {
  checkName(name)
  known(name, options, OPTIONS)
  const { interval = 1_000, warn = 0.8, fail = 0.9 } = options
  const settings = {
    interval: positive(name, 'interval', interval),
    warn: share(name, 'warn', warn),
    fail: share(name, 'fail', fail),
    threshold: count(name, 'threshold', options.threshold, 3),
  }
  return monitorMemory(name, settings, startMemoryGauge, systemClock)
}
