import type { Clock } from '../../core/clock.ts'
import type { Service } from '../../core/service.ts'
import { memorySize } from '../../core/units.ts'
import type { MemoryGauge, MemoryUse, Use } from '../../process/memory-use.ts'
import { type Limits, levelOf, worstOf } from '../common/judge.ts'
import { type Judged, type MonitorSettings, monitor } from '../common/monitor.ts'

/** How far a share moves before its figures are told again. An event each second would say no more. */
const STEP = 0.05

const shareOf = ({ used, limit }: Use): number => used / limit

const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20)

/** `heap 1.9 GB of 2.1 GB (92 %)`. Rounded down: 89.6 % is not yet 90 %. */
const inWords = (what: string, use: Use): string =>
  `${what} ${memorySize(use.used)} of ${memorySize(use.limit)} (${Math.floor(shareOf(use) * 100)} %)`

/** The use of memory, judged: the health is that of the worse, and the detail names all that are as bad. */
export const judgeMemory = ({ heap, resident }: MemoryUse, limits: Limits): Judged => {
  const parts = [
    { words: inWords('heap', heap), level: levelOf(shareOf(heap), limits) },
    { words: inWords('resident memory', resident), level: levelOf(shareOf(resident), limits) },
  ]
  const level = worstOf(parts.map(part => part.level))
  return {
    level,
    detail: parts.flatMap(part => (part.level === level ? part.words : [])).join(', '),
    info: {
      heapMB: megabytes(heap.used),
      heapLimitMB: megabytes(heap.limit),
      residentMB: megabytes(resident.used),
      residentLimitMB: megabytes(resident.limit),
    },
  }
}

const hasMoved = (told: Use, now: Use): boolean => Math.abs(shareOf(now) - shareOf(told)) >= STEP

/** A service whose health follows the use of memory that a gauge reads. */
export const monitorMemory = <const Name extends string>(
  name: Name,
  settings: MonitorSettings & Limits,
  startGauge: () => MemoryGauge,
  clock: Clock,
): Service<Name> =>
  monitor(
    name,
    settings,
    startGauge,
    {
      of: use => judgeMemory(use, settings),
      isNews: (told, now) => hasMoved(told.heap, now.heap) || hasMoved(told.resident, now.resident),
    },
    clock,
  )
