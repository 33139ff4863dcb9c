import { checks } from './checks.ts'
import type { ConformanceSubject } from './subject.ts'
import { Trial } from './trial.ts'

export type { ConformanceSubject, Work } from './subject.ts'

/** One thing that is tried. */
export interface ConformanceCheck {
  /** What has to hold, as a sentence. */
  readonly name: string
  /** Tries it, with services of its own, in real time. @throws (as a rejection) Error when it does not hold */
  readonly run: () => Promise<void>
}

/**
 * What any service has to keep, as checks to be run one after the other by whatever runs your tests: that it starts,
 * does its work, drains, stops, lets go when forced, lives again, fails by an error that names it, and leaves neither
 * timer, socket nor listener behind, in every moment in which it can be told to end. Those whose part of the subject
 * is left out are not there; give `use` and `work` at least.
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
