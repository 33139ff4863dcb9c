import type { Subscription } from 'rxjs'
import { bounded } from '../bounded.ts'
import { after, type Clock } from '../clock.ts'
import { HEALTH_CHECK } from '../defaults.ts'
import { messageOf, type ServiceError, serviceError } from '../errors.ts'
import { inspect, peek } from '../foreign.ts'
import { type Cancel, follow, type HookResult } from '../hooks/hook-result.ts'
import { callable, count, duration, known, namesOf, positive } from '../options.ts'
import type { Service } from '../service.ts'
import type { Health } from '../state.ts'
import { milliseconds } from '../units.ts'
import { currentWork, enter, type Work } from '../work.ts'
import { type Finding, type OnFailure, onFailureOf, PASS, watched } from './watched.ts'

/** The answers of a check; see `check`. */
export type CheckResult = HookResult | boolean | null | Health | { readonly health: Health; readonly detail?: string }

/**
 * A check that is made again and again while a service is running. The words and defaults are those of a Kubernetes
 * probe. Times are milliseconds.
 */
export interface HealthCheck {
  /**
   * The check. An answer that settles well passes. A throw, a rejection, an error, `false` and a `Response` of `fetch`
   * that is not `ok` fail. A check that knows more says `'pass'`, `'warn'` or `'fail'`, or `{ health, detail }`. Of an
   * Observable the last value counts. The signal fires when the `timeout` has passed, and when the service leaves.
   */
  readonly check: (context: { readonly signal: AbortSignal }) => CheckResult
  /** From the end of one check to the next; the first comes as soon as the service is running. Default 10,000. */
  readonly interval?: number
  /** A check that takes longer has failed. Default 1,000; `Infinity` for no limit. */
  readonly timeout?: number
  /** The service is failing after so many failed checks in a row. Default 3. */
  readonly failureThreshold?: number
  /** A failing service is well after so many passed checks in a row. Default 1. */
  readonly successThreshold?: number
  /**
   * The effect of a failing service. `'nothing'`: the running state's `detail` tells. `'degrade'`: its `health` is
   * `fail`, so that the group is not ready, until the check passes again. `'fail'`: the service is stopped as in a
   * shutdown and then fails with `ERR_UNHEALTHY`, which ends the group, or `restart` heals it. Default `'degrade'`.
   */
  readonly onFailure?: OnFailure
}

/**
 * Checks a service while it is running, and shows the worse of what the check and the service itself say. Each change
 * is told once: while checks go on failing, the detail stays that of the first failure that counted. The next check
 * begins an `interval` after the last has settled or timed out. The checks end with the first step of a shutdown.
 *
 * @throws ServiceError `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
 */
export const healthCheck = <Name extends string>(
  service: Service<Name>,
  options: HealthCheck,
  clock: Clock,
): Service<Name> => {
  const { name } = service
  known(name, options, OPTIONS, 'healthCheck.')
  const { check } = options
  callable(name, 'healthCheck.check', check)
  const rules: CheckRules = {
    check,
    interval: positive(name, 'healthCheck.interval', options.interval ?? HEALTH_CHECK.interval),
    timeout: duration(name, 'healthCheck.timeout', options.timeout, HEALTH_CHECK.timeout),
    failureThreshold: count(
      name,
      'healthCheck.failureThreshold',
      options.failureThreshold,
      HEALTH_CHECK.failureThreshold,
    ),
    successThreshold: count(
      name,
      'healthCheck.successThreshold',
      options.successThreshold,
      HEALTH_CHECK.successThreshold,
    ),
  }
  const onFailure = onFailureOf(name, 'healthCheck.onFailure', options.onFailure)
  return watched(service, onFailure, ({ found, failing }) => {
    const within = currentWork()
    let timer: Subscription | undefined
    let leave: (() => void) | undefined
    let inARow = 0
    let isFailing = false
    let over = false

    const note = (finding: Finding): void => {
      const failed = finding.health === 'fail'
      const changes = failed !== isFailing
      if (changes && ++inARow < (failed ? rules.failureThreshold : rules.successThreshold)) return
      inARow = 0
      isFailing = failed
      const { detail = 'check failed' } = finding
      if (!failed) found(finding)
      else if (changes) failing(detail, () => unhealthy(name, detail))
    }
    const next = (): void => {
      let answered = false
      const left = runCheck(rules, within, clock, finding => {
        answered = true
        leave = undefined
        note(finding)
        if (!over) timer = after(clock, rules.interval, next)
      })
      if (over) left()
      else if (!answered) leave = left
    }
    const end = (): void => {
      over = true
      timer?.unsubscribe()
      leave?.()
    }

    next()
    return { end }
  })
}

const OPTIONS = namesOf<HealthCheck>({
  check: true,
  interval: true,
  timeout: true,
  failureThreshold: true,
  successThreshold: true,
  onFailure: true,
})

type CheckRules = Required<Omit<HealthCheck, 'onFailure'>>

const unhealthy = (name: string, detail: string): ServiceError => {
  const what = detail.startsWith('check failed') ? detail : `check failed: ${detail}`
  return serviceError('ERR_UNHEALTHY', name, `health ${what}`)
}

/** Runs one check, which answers once. Returns how to leave it: then it never answers. */
const runCheck = (
  { check, timeout }: CheckRules,
  within: Work | undefined,
  clock: Clock,
  answer: (finding: Finding) => void,
): (() => void) => {
  const abort = new AbortController()
  let cancel: Cancel | undefined
  let over = false

  const end = (): void => {
    over = true
    timer?.unsubscribe()
    cancel?.()
  }
  const settle = (finding: Finding): void => {
    if (over) return
    end()
    answer(finding)
  }
  const leave = (): void => {
    if (over) return
    end()
    abort.abort()
  }

  const timer = after(clock, timeout, () => {
    leave()
    answer({ health: 'fail', detail: `check took more than ${milliseconds(timeout)}` })
  })
  let result: unknown
  try {
    // A check is a work of its service. No hook waits for it, also when a hook has caused it.
    result = enter({ within, exact: true, isOpen: () => false }, () => check({ signal: abort.signal }))
  } catch (error) {
    settle(failed(error))
    return leave
  }
  cancel = follow(result, {
    done: answered => settle(findingOf(answered)),
    failed: error => settle(failed(error)),
  })
  if (over) cancel?.()
  return leave
}

const failed = (error: unknown): Finding => ({ health: 'fail', detail: `check failed: ${messageOf(error)}` })

const isHealth = (value: unknown): value is Health => value === 'pass' || value === 'warn' || value === 'fail'

/** The meaning of an answer. An answer that says nothing of health, such as the rows of a query, passes. */
const findingOf = (answer: unknown): Finding => {
  if (answer === false) return { health: 'fail', detail: 'check failed' }
  if (peek(answer, 'ok') === false) return { health: 'fail', detail: refusal(answer) }
  const health = isHealth(answer) ? answer : typeof answer === 'object' ? peek(answer, 'health') : undefined
  if (health === undefined) return PASS
  if (!isHealth(health))
    return { health: 'fail', detail: `check answered health ${inspect(health)}; it must be 'pass', 'warn' or 'fail'` }
  const detail = peek(answer, 'detail')
  const text = typeof detail === 'string' ? bounded(detail) : health === 'pass' ? undefined : `check says ${health}`
  return health === 'pass' && text === undefined ? PASS : { health, detail: text }
}

/** The detail of a `Response` of `fetch`. Its body is cancelled, because an unread body holds its connection. */
const refusal = (response: unknown): string => {
  const body = peek(response, 'body')
  const cancel = peek(body, 'cancel')
  if (typeof cancel === 'function') new Promise(done => done(cancel.call(body))).catch(() => {})
  const [status, text] = [peek(response, 'status'), peek(response, 'statusText')]
  return `check answered ${[status, text].filter(part => part !== undefined && part !== '').join(' ') || 'ok: false'}`
}
