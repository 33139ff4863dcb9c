import { LONGEST_TIMER } from '../core/clock.ts'
import { shared } from '../core/shared.ts'
import { milliseconds } from '../core/units.ts'
import { flush, tellLine } from './output.ts'
import { activeResources, hearsParent } from './resources.ts'
import { inTestRunner } from './test-runner.ts'

/** The state that the runs of a process share. */
interface Runs {
  /** How many runs have begun and not ended. */
  active: number
  /** The worst exit code so far. */
  code: number
  /** How long the process may go on after the last run, in milliseconds. `undefined`: no run wants it ended. */
  grace: number | undefined
  /** A service was forced or abandoned: the process ends at once. */
  atOnce: boolean
  ending: NodeJS.Timeout | undefined
}

/** The end of a run. */
export interface RunEnd {
  readonly code: number
  /** How long the process has to end by itself, in milliseconds. `undefined`: it goes on. */
  readonly grace: number | undefined
  readonly atOnce: boolean
}

const runs = shared<Runs>('runs.1', () => ({ active: 0, code: 0, grace: undefined, atOnce: false, ending: undefined }))

/**
 * Begins a run. A process that was about to end after other runs goes on, for example with a new configuration.
 *
 * @returns ends the run, once. Without an end the run counts as never begun.
 */
export const beginRun = (): ((end?: RunEnd) => Promise<void>) => {
  const all = runs()
  if (all.active === 0) cancelExit(all)
  all.active++
  let over = false
  return async end => {
    if (over) return
    over = true
    all.active--
    if (end) await endOne(all, end)
  }
}

const cancelExit = (all: Runs): void => {
  all.grace = undefined
  all.atOnce = false
  if (!all.ending) return
  clearTimeout(all.ending)
  all.ending = undefined
  if (hearsParent()) process.channel?.ref()
}

/** The worst exit code counts. After the last run the process ends, if one of the runs asks for that. */
const endOne = async (all: Runs, { code, grace, atOnce }: RunEnd): Promise<void> => {
  all.atOnce ||= atOnce
  if (grace !== undefined) all.grace = Math.max(all.grace ?? 0, grace)
  // The process, its end and its exit code belong to the test runner.
  if (inTestRunner()) return
  setExitCode(all, code)
  if (all.active > 0) return
  if (all.atOnce || all.grace === 0) return exit(all)
  if (all.grace !== undefined && all.grace <= LONGEST_TIMER) exitAfter(all, all.grace)
}

/** Never lowers the exit code. A code that the program has set itself stays, unless it is 0. */
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
  // A parent that may still send messages must not keep the process alive.
  process.channel?.unref()
  all.ending = setTimeout(async () => {
    const why = activeResources().join(', ') || 'something that Node has no name for'
    await tellLine(`process: still alive after ${milliseconds(grace)} because of ${why}; exiting`)
    await exit(all)
  }, grace).unref()
}
