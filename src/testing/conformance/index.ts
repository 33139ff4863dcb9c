import { checks } from './checks.ts'
import type { ConformanceSubject } from './subject.ts'
import { Trial } from './trial.ts'

export type { ConformanceSubject, Work } from './subject.ts'

/** One check of a service. */
export interface ConformanceCheck {
  /** The rule that the check demands, as a sentence. */
  readonly name: string
  /** Runs the check, with services of its own, in real time. @throws (as a rejection) Error when it fails */
  readonly run: () => Promise<void>
}

/**
 * Checks of what any service must keep, for any test runner to run one after the other. A service must start, do its
 * work, drain, stop, end when forced, start again, and fail with an error that names it. It must leave no timer, socket
 * or listener behind, whenever it is told to end. A check is left out when the subject lacks a part that it needs. Give
 * `use` and `work` at least.
 *
 * @example
 * ```ts
 * let open = false
 * const checks = serviceConformance({
 *   create: () => service('rows', { start: () => void (open = true), stop: () => void (open = false) }),
 *   use: async () => {
 *     if (!open) throw new Error('closed')
 *   },
 * })
 * for (const { run } of checks) await run() // or: for (const { name, run } of checks) test(name, run)
 * ```
 */
export const serviceConformance = (subject: ConformanceSubject): readonly ConformanceCheck[] =>
  checks
    .filter(({ needs }) => needs.every(part => subject[part] !== undefined))
    .map(({ name, run }) => ({
      name,
      run: async () => {
        const trial = new Trial(subject)
        try {
          await run(trial)
        } finally {
          await trial.end()
        }
        await trial.nothingLeft()
      },
    }))
