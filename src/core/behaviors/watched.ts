import { Observable } from 'rxjs'
import { combine, errorInfo, fromErrorInfo, type ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import { oneOf } from '../options.ts'
import type { Service } from '../service.ts'
import type { Health, ServiceState, StateOf } from '../state.ts'
import { asksOf, ShutdownSteps } from '../steps.ts'

/** The effect of a failing service. */
export type OnFailure = 'nothing' | 'degrade' | 'fail'

const OUTCOMES: readonly OnFailure[] = ['nothing', 'degrade', 'fail']

/** The outcome that was asked for, checked. */
export const onFailureOf = (service: string, option: string, value: OnFailure = 'degrade'): OnFailure => {
  oneOf(service, option, OUTCOMES, value)
  return value
}

/** The result of a look at a service. */
export interface Finding {
  readonly health: Health
  readonly detail?: string | undefined
}

export const PASS: Finding = { health: 'pass' }

/** Takes the results of a watch. */
export interface Findings {
  found(finding: Finding): void
  /** The service is failing: `onFailure` says what that leads to. */
  failing(detail: string, error: () => ServiceError): void
}

/** Looks at a service from the moment it is running. */
export interface Watch {
  /** The service gave a sign of life. */
  readonly beat?: () => void
  /** The service is leaving, or gone: nothing that is found from now on counts. */
  readonly end: () => void
}

/**
 * Watches a service while it is running. Shows the worse of what the service says itself and what was found, each
 * change once. With `onFailure: 'fail'` a failing service is stopped as in a shutdown, and fails once it is gone. The
 * watch ends with the first step of a shutdown; its last finding stays.
 */
export const watched = <Name extends string>(
  service: Service<Name>,
  onFailure: OnFailure,
  watch: (findings: Findings) => Watch,
): Service<Name> => ({
  name: service.name,
  lifecycle: shutdown$ =>
    new Observable(out => {
      /** The last state of the service itself, while it is running. */
      let own: StateOf<'running'> | undefined
      let finding = PASS
      let watching: Watch | undefined
      let failure: ServiceError | undefined
      const asks = asksOf(shutdown$)
      // A beat that is not watched here may be watched further out.
      const steps = new ShutdownSteps({
        extend: ms => asks?.extend?.(ms),
        beat: () => (watching?.beat ? watching.beat() : asks?.beat?.()),
        workFailed: failure => asks?.workFailed?.(failure),
      })

      /** Any step means that the service is leaving. */
      const isWatchable = (): boolean => own !== undefined && !own.leaving && !steps.latest && !out.closed

      const endWatch = (): void => {
        const ended = watching
        watching = undefined
        ended?.end()
      }

      const found = (now: Finding): void => {
        const { health, detail } = finding
        finding = now
        if (own && (health !== now.health || detail !== now.detail)) out.next(worse(own, now))
      }

      const failing = (detail: string, error: () => ServiceError): void => {
        found({ health: onFailure === 'nothing' ? 'pass' : 'fail', detail })
        if (onFailure !== 'fail' || !isWatchable()) return
        endWatch()
        failure = error()
        steps.raise({ step: 'stop', reason: { by: 'failure', service: service.name, error: errorInfo(failure) } })
      }

      const onRunning = (state: StateOf<'running'>): void => {
        const first = !own
        own = state
        out.next(worse(state, finding))
        if (!first || !isWatchable()) return
        const begun = watch({ found, failing })
        // The first finding may have ended the service, or this listener.
        if (isWatchable()) watching = begun
        else begun.end()
      }

      const told = listen(shutdown$, {
        next: shutdown => {
          endWatch()
          steps.raise(shutdown)
        },
      })
      const life = listen(service.lifecycle(steps), {
        next: state => {
          if (state.phase === 'running') return onRunning(state)
          endWatch()
          own = undefined
          finding = PASS
          if (!failure || state.phase !== 'stopped') return out.next(state)
          // A service that was stopped because it is failing fails, once it is really gone.
          if (state.how === 'abandoned') out.next({ ...state, error: withRoot(state.error, failure) })
          else if (state.error) failure = combine(failure, [fromErrorInfo(state.error)])
        },
        error: error => {
          endWatch()
          out.error(failure ? combine(failure, [error]) : error)
        },
        complete: () => {
          endWatch()
          if (failure) out.error(failure)
          else out.complete()
        },
      })

      return () => {
        endWatch()
        told.unsubscribe()
        life.unsubscribe()
      }
    }),
})

const rank: Readonly<Record<Health, number>> = { pass: 0, warn: 1, fail: 2 }

/** The worse of what a service says itself and what was found; both when they are equally bad. */
const worse = (own: StateOf<'running'>, found: Finding): ServiceState => {
  if (found === PASS || rank[found.health] < rank[own.health]) return own
  const { detail: said, ...rest } = own
  const isWorse = found.health !== own.health || said === undefined
  const detail = isWorse ? found.detail : found.detail === undefined ? said : `${said}; ${found.detail}`
  return { ...rest, health: found.health, ...(detail !== undefined && { detail }) }
}

type ErrorOf = NonNullable<StateOf<'stopped'>['error']>

/** The error of an abandoned service, with the failure that it was stopped for as the innermost cause. */
const withRoot = (error: ErrorOf | undefined, failure: ServiceError): ErrorOf =>
  error ? { ...error, cause: withRoot(error.cause, failure) } : errorInfo(failure)
