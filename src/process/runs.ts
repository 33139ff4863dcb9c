import { LONGEST_TIMER } from '../core/clock.ts'
import { milliseconds } from '../core/units.ts'
import { flush, tellLine } from './output.ts'
import { activeResources, hearsParent } from './resources.ts'
import { inTestRunner } from './test-runner.ts'

/** The state that the runs of a process share. Plain data, so that several copies of this package agree on it. */
interface Runs {
  /** How many have begun and not ended. */
  active: number
  /** The worst exit code so far. */
  code: number
  /** How long the process may live on after the last has ended. `undefined`: nobody wants it ended. Milliseconds. */
  grace: number | undefined
  /** Something was forced or abandoned: no grace. */
  atOnce: boolean
  ending: NodeJS.Timeout | undefined
}

/** How a run has ended. */
export interface RunEnd {
  readonly code: number
  /** How long the process has to end by itself; `undefined`: it goes on. Milliseconds. */
  readonly grace: number | undefined
  readonly atOnce: boolean
}

const KEY = Symbol.for('rx-service-group.runs')

const runs = (): Runs => {
  const shared = globalThis as { [KEY]?: Runs }
  shared[KEY] ??= { active: 0, code: 0, grace: undefined, atOnce: false, ending: undefined }
  return shared[KEY]
}

/**
 * One run more. A process that was about to end because others have, for example for a new configuration, lives on.
 *
 * @returns ends the run, once; without an end it has never begun.
 */
export const beginRun = (): ((end?: RunEnd) => Promise<void>) => {
  const all = runs()
  if (all.active === 0) beginAnew(all)
  all.active++
  let over = false
  return async end => {
    if (over) return
    over = true
    all.active--
    if (end) await endOne(all, end)
  }
}

const beginAnew = (all: Runs): void => {
  all.grace = undefined
  all.atOnce = false
  if (!all.ending) return
  clearTimeout(all.ending)
  all.ending = undefined
  if (hearsParent()) process.channel?.ref()
}

/** The exit code is the worst of all; after the last, the process is ended if one of them asks for that. */
const endOne = async (all: Runs, { code, grace, atOnce }: RunEnd): Promise<void> => {
  all.atOnce ||= atOnce
  if (grace !== undefined) all.grace = Math.max(all.grace ?? 0, grace)
  // The process, its end and its exit code are the test runner's.
  if (inTestRunner()) return
  setExitCode(all, code)
  if (all.active > 0) return
  if (all.atOnce || all.grace === 0) return exit(all)
  if (all.grace !== undefined && all.grace <= LONGEST_TIMER) exitAfter(all, all.grace)
}

/** Never lower than before. An exit code that the program has set itself counts, unless it is 0. */
const setExitCode = (all: Runs, code: number): void => {
  const now = Number(process.exitCode ?? 0)
  if (now !== 0 && now !== all.code) return
  all.code = Math.max(now, code)
  process.exitCode = all.code
}

const exit = async (all: Runs): Promise<void> => {
  await flush()
  if (all.active === 0) process.exit()
}

const exitAfter = (all: Runs, grace: number): void => {
  // A parent that may still send messages is no reason to stay.
  process.channel?.unref()
  all.ending = setTimeout(async () => {
    const why = activeResources().join(', ') || 'something that Node has no name for'
    await tellLine(`still alive after ${milliseconds(grace)} because of ${why}; exiting`)
    await exit(all)
  }, grace).unref()
}
