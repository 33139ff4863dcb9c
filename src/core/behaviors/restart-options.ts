import { RESTART } from '../defaults.ts'
import { duration, known, must, namesOf, oneOf } from '../options.ts'
import type { Backoff } from './backoff.ts'
import { type Intensity, intensityOf } from './intensity.ts'

/**
 * What happens to a service that ends without having been asked to (OTP's words):
 *
 * - `'permanent'`: it is restarted, whether it failed or ended well
 * - `'transient'`: it is restarted when it failed; when it ended well it is `stopped`
 * - `'temporary'`: it is never restarted; when it fails after it has run, the group goes on, with health `warn`
 */
export type RestartPolicy = 'permanent' | 'transient' | 'temporary'

/**
 * When a service is restarted, how long it waits before that, and how often before the group gives it up. Times are
 * milliseconds.
 *
 * @example
 * ```ts
 * let lives = 0
 * const worker = task('worker', () => {
 *   if (++lives === 1) throw new Error('lost the connection')
 *   return NEVER
 * })
 * const group = serviceGroup('shop')
 *   .add(service('db', {}), { restart: 'transient' })
 *   .add(worker, { restart: { policy: 'permanent', initialDelay: 10, maxDelay: 1_000, maxRestarts: 5, period: 60_000 } })
 * await group.start()
 * await firstValueFrom(group.status$.pipe(filter(() => lives === 2)))
 * console.log(group.status.services['shop/worker']?.state)
 * // { phase: 'running', health: 'pass' }
 * ```
 */
export interface RestartOptions {
  readonly policy: RestartPolicy
  /** How long it waits before the first restart. Default 500. */
  readonly initialDelay?: number
  /** How many times longer each further wait is, 1 or more. Default 2. */
  readonly factor?: number
  /** The longest wait. Default 30,000. */
  readonly maxDelay?: number
  /** Which part of each wait chance may take off, 0 to 1, so that many do not come back at once. Default 0.5. */
  readonly jitter?: number
  /** How long it must have been running for the next wait to be the first again. Default 30,000; `Infinity`: never. */
  readonly resetAfter?: number
  /**
   * How many restarts there may be within the `period`; when one more is due the service fails with
   * `ERR_RESTART_LIMIT`. Default 10; `Infinity` for no limit.
   */
  readonly maxRestarts?: number
  /** The length of the sliding window in which restarts are counted. Default 600,000: ten minutes. */
  readonly period?: number
}

/** The same, checked, defaults filled in. */
export interface RestartRules extends Backoff, Intensity {
  readonly afterFailure: boolean
  readonly afterEnd: boolean
}

const POLICIES: readonly RestartPolicy[] = ['permanent', 'transient', 'temporary']

const OPTIONS = namesOf<RestartOptions>({
  policy: true,
  initialDelay: true,
  factor: true,
  maxDelay: true,
  jitter: true,
  resetAfter: true,
  maxRestarts: true,
  period: true,
})

/** Which policy was asked for, if any. */
export const policyOf = (given: RestartPolicy | RestartOptions | undefined): RestartPolicy | undefined =>
  typeof given === 'object' ? given?.policy : given

/**
 * @param onEnd whether it is restarted when it ends well, whatever the policy says
 * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`
 */
export const restartRules = (
  service: string,
  given: RestartPolicy | RestartOptions | undefined,
  onEnd = false,
): RestartRules => {
  const options: RestartOptions | undefined = typeof given === 'object' && given !== null ? given : undefined
  known(service, options, OPTIONS, 'restart.')
  const policy = options ? options.policy : (given as RestartPolicy | undefined)
  if (given !== undefined) oneOf(service, options ? 'restart.policy' : 'restart', POLICIES, policy)

  const { factor = RESTART.factor, jitter = RESTART.jitter } = options ?? {}
  const ms = (option: 'initialDelay' | 'maxDelay' | 'resetAfter'): number =>
    duration(service, `restart.${option}`, options?.[option], RESTART[option])
  must(service, 'restart.factor', typeof factor === 'number' && factor >= 1, 'a number >= 1', factor)
  must(service, 'restart.jitter', typeof jitter === 'number' && jitter >= 0 && jitter <= 1, '0 to 1', jitter)
  return {
    afterFailure: policy === 'permanent' || policy === 'transient',
    afterEnd: policy === 'permanent' || onEnd,
    initialDelay: ms('initialDelay'),
    factor,
    maxDelay: ms('maxDelay'),
    jitter,
    resetAfter: ms('resetAfter'),
    ...intensityOf(service, options ?? {}, RESTART, 'restart.'),
  }
}
