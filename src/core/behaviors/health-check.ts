import type { Subscription } from 'rxjs'
import { after, type Clock } from '../clock.ts'
import { HEALTH_CHECK } from '../defaults.ts'
import { messageOf, ServiceError } from '../errors.ts'
import { inspect, peek } from '../foreign.ts'
import { type Cancel, follow, type HookResult } from '../hooks/hook-result.ts'
import { callable, count, duration, known, namesOf, positive } from '../options.ts'
import type { Service } from '../service.ts'
import type { Health } from '../state.ts'
import { outside } from '../work.ts'
import { type Finding, type Findings, type OnFailure, onFailureOf, PASS, type Watcher, watched } from './watched.ts'

/** The answers of a check; see `check`. */
export type CheckResult = HookResult | boolean | null | Health | { readonly health: Health; readonly detail?: string }

/**
 * A question that is put to a running service again and again. The words and defaults are those of a Kubernetes probe;
 * times are milliseconds.
 */
export interface HealthCheck {
  /**
   * The question. An answer that settles well passes. A throw, a rejection, an error, `false` and a `Response` of
   * `fetch` that is not `ok` fail. A check that knows more says `'pass'`, `'warn'` or `'fail'`, or `{ health, detail }`.
   * Of an Observable the last value counts. Its signal fires when its time is up, and when the service leaves.
   */
  readonly check: (context: { readonly signal: AbortSignal }) => CheckResult
  /** From the end of one check to the next; the first comes as soon as the service is running. Default 10,000. */
  readonly interval?: number
  /** How long one check may take before it has failed. Default 1,000; `Infinity` for no limit. */
  readonly timeout?: number
  /** How many have to fail in a row. Default 3. */
  readonly failureThreshold?: number
  /** How many have to pass in a row after that. Default 1. */
  readonly successThreshold?: number
  /**
   * What comes of it. `'nothing'`: the running state's `detail` tells. `'degrade'`: its `health` is `fail`, so that the
   * group is not ready, until the check passes again. `'fail'`: the service is stopped as in a shutdown and then fails
   * with `ERR_UNHEALTHY`, which ends the group, or whatever else is to come of a failure. Default `'degrade'`.
   */
  readonly onFailure?: OnFailure
}

/**
 * Checks a service while it is running, and shows the worse of what the check and the service itself say. Each change
 * is told once; a check that goes on failing keeps the detail of the one that made it count. The next check waits for
 * the last to have settled or run out of its time. All ends with the first step of a shutdown.
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
  return watched(service, onFailure, findings => new Checks(name, rules, clock, findings))
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

/** The checks of one run. */
class Checks implements Watcher {
  readonly #name: string
  readonly #rules: CheckRules
  readonly #clock: Clock
  readonly #findings: Findings
  /** Until the next check. */
  #timer: Subscription | undefined
  #call: CheckCall | undefined
  #inARow = 0
  #failing = false
  #resting = false

  constructor(name: string, rules: CheckRules, clock: Clock, findings: Findings) {
    this.#name = name
    this.#rules = rules
    this.#clock = clock
    this.#findings = findings
  }

  begin(): void {
    const { check, timeout, interval } = this.#rules
    const call = new CheckCall(timeout, this.#clock, finding => {
      this.#call = undefined
      this.#note(finding)
      if (!this.#resting) this.#timer = after(this.#clock, interval, () => this.begin())
    })
    this.#call = call
    call.run(check)
  }

  rest(): void {
    this.#resting = true
    this.#timer?.unsubscribe()
    this.#call?.leave()
  }

  #note(finding: Finding): void {
    const failed = finding.health === 'fail'
    const { failureThreshold, successThreshold } = this.#rules
    if (failed === this.#failing) {
      this.#inARow = 0
      if (!failed) this.#findings.found(finding)
    } else if (++this.#inARow >= (failed ? failureThreshold : successThreshold)) {
      this.#inARow = 0
      this.#failing = failed
      if (failed) this.#fail(finding.detail)
      else this.#findings.found(finding)
    }
  }

  #fail(detail = 'check failed'): void {
    const name = this.#name
    this.#findings.failing(
      detail,
      () => new ServiceError('ERR_UNHEALTHY', name, `service "${name}" is not well: ${detail}`),
    )
  }
}

/** One check: answers once, if nobody has left by then. */
class CheckCall {
  readonly #abort = new AbortController()
  readonly #answer: (finding: Finding) => void
  readonly #timer: Subscription | undefined
  #cancel: Cancel | undefined
  #over = false

  constructor(timeout: number, clock: Clock, answer: (finding: Finding) => void) {
    this.#answer = answer
    this.#timer = after(clock, timeout, () =>
      this.#settle({ health: 'fail', detail: `check took more than ${timeout} ms` }, true),
    )
  }

  run(check: HealthCheck['check']): void {
    let result: unknown
    try {
      // Whatever brought it about, no hook waits for it.
      result = outside(() => check({ signal: this.#abort.signal }))
    } catch (error) {
      return this.#settle(failed(error))
    }
    this.#cancel = follow(result, {
      done: answer => this.#settle(findingOf(answer)),
      failed: error => this.#settle(failed(error)),
    })
    if (this.#over) this.#cancel?.()
  }

  /** Nobody waits for the answer any more. */
  leave(): void {
    if (this.#over) return
    this.#end()
    this.#abort.abort()
  }

  #settle(finding: Finding, abort = false): void {
    if (this.#over) return
    this.#end()
    if (abort) this.#abort.abort()
    this.#answer(finding)
  }

  #end(): void {
    this.#over = true
    this.#timer?.unsubscribe()
    this.#cancel?.()
  }
}

const failed = (error: unknown): Finding => ({ health: 'fail', detail: `check failed: ${messageOf(error)}` })

const isHealth = (value: unknown): value is Health => value === 'pass' || value === 'warn' || value === 'fail'

/** What an answer means. One that says nothing of health, such as the rows of a query, is a good one. */
const findingOf = (answer: unknown): Finding => {
  if (answer === false) return { health: 'fail', detail: 'check failed' }
  if (peek(answer, 'ok') === false) return { health: 'fail', detail: refusal(answer) }
  const health = isHealth(answer) ? answer : typeof answer === 'object' ? peek(answer, 'health') : undefined
  if (health === undefined) return PASS
  if (!isHealth(health))
    return { health: 'fail', detail: `check answered health ${inspect(health)}; it must be 'pass', 'warn' or 'fail'` }
  const detail = peek(answer, 'detail')
  const text = typeof detail === 'string' ? detail : health === 'pass' ? undefined : `check says ${health}`
  return health === 'pass' && text === undefined ? PASS : { health, detail: text }
}

/** Of a `Response` of `fetch`. Nobody reads its body, which would hold its connection. */
const refusal = (response: unknown): string => {
  const body = peek(response, 'body')
  const cancel = peek(body, 'cancel')
  if (typeof cancel === 'function') new Promise(done => done(cancel.call(body))).catch(() => {})
  const [status, text] = [peek(response, 'status'), peek(response, 'statusText')]
  return `check answered ${[status, text].filter(part => part !== undefined && part !== '').join(' ') || 'ok: false'}`
}
