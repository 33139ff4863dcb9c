import { RESTART } from '../defaults.ts'
import { duration, known, must, namesOf, oneOf } from '../options.ts'
import type { Backoff } from './backoff.ts'
import { type RestartLimit, restartLimitOf } from './restart-limit.ts'

/**
 * The policy for a service that ends without having been asked to (OTP's words):
 *
 * - `'permanent'`: the service is restarted, whether it failed or ended well
 * - `'transient'`: the service is restarted when it failed; when it ended well it is `stopped`
 * - `'temporary'`: the service is never restarted. When it fails after it has run, the group goes on with health
 *   `warn`
 */
export type RestartPolicy = 'permanent' | 'transient' | 'temporary'

/**
 * When a service is restarted, how long it waits before that, and its restart limit. Times are milliseconds.
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
 *   .add(worker, { restart: { policy: 'permanent', initialDelay: 10, maxDelay: 1_000, maxRestarts: 5 } })
 * await group.start()
 * await firstValueFrom(group.status$.pipe(filter(() => lives === 2)))
 * console.log(group.status.services['shop/worker']?.state)
 * // { phase: 'running', health: 'pass' }
 * ```
 */
export interface RestartOptions {
  readonly policy: RestartPolicy
  /** The wait before the first restart. Default 500. */
  readonly initialDelay?: number
  /** Each further wait is so many times longer, 1 or more. Default 2. */
  readonly factor?: number
  /** The longest wait. Default 30,000. */
  readonly maxDelay?: number
  /**
   * The part of each wait that chance may take off, 0 to 1, so that services that failed together do not come back
   * together. Default 0.5.
   */
  readonly jitter?: number
  /** After so long in `running` the next wait is the first again. Default 30,000; `Infinity`: never. */
  readonly resetAfter?: number
  /**
   * The restart limit: the most restarts within the `period`. When one more is due, the service fails with
   * `ERR_RESTART_LIMIT`. Default 10; `Infinity` for no limit.
   */
  readonly maxRestarts?: number
  /** The length of the sliding window in which restarts are counted. Default 600,000: ten minutes. */
  readonly period?: number
}

/** The options of a restart, checked, defaults filled in. */
export interface RestartRules extends Backoff, RestartLimit {
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

/** The policy that was asked for, if any. */
export const policyOf = (given: RestartPolicy | RestartOptions | undefined): RestartPolicy | undefined =>
  typeof given === 'object' ? given?.policy : given

/**
 * @param onEnd whether the service is restarted when it ends well, whatever the policy says
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
    ...restartLimitOf(service, options ?? {}, RESTART, 'restart.'),
  }
}
