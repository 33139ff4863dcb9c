import { defer, Observable, Subscription } from 'rxjs'
import { after, type Clock, onTheWall } from '../clock.ts'
import {
  asFailure,
  type ErrorCode,
  type ErrorInfo,
  errorInfo,
  fromErrorInfo,
  messageOf,
  type ServiceError,
  serviceError,
} from '../errors.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import { type Info, isStarting, reasonOf, type ServiceState, type StateOf } from '../state.ts'
import { asksOf, type Shutdown, ShutdownSteps } from '../steps.ts'
import { milliseconds } from '../units.ts'
import { backoff } from './backoff.ts'
import { admit, type RestartLimit } from './restart-limit.ts'
import type { RestartRules } from './restart-options.ts'

/** The rules that a group adds to the restarts of one of its services. */
export interface Supervision {
  /** From 0 to 1, for the jitter. */
  readonly random?: () => number
  /** Completes when the next incarnation may begin; `undefined` means now. Asked once the backoff is over. */
  readonly mayBegin?: () => Observable<never>
  /** Why the service may not be restarted at a time. When there is no reason, that restart counts. */
  readonly admit?: (at: number, cause: Error) => ServiceError | undefined
}

/** The memory that lasts from one incarnation to the next, also from one lifecycle to the next. */
interface Restarts {
  /** The number of the last attempt to start. */
  attempt: number
  /** The times of the restarts that count for the restart limit. */
  counted: readonly number[]
}

const NO_RESTARTS: Restarts = { attempt: 1, counted: [] }

/**
 * Starts a service again when it ends without having been asked to: one lifecycle made of several incarnations. Between
 * two of them the service is in `backoff`. A new one begins only after the old one has completed or errored, and never
 * after one that left something running. Any shutdown step means asked to end: from then on every state passes through,
 * and a wait is over at once.
 */
export const restart = <Name extends string>(
  service: Service<Name>,
  rules: RestartRules,
  clock: Clock,
  supervision: Supervision = {},
): Service<Name> => {
  if (!rules.afterFailure && !rules.afterEnd) return service
  const { name } = service
  const restarts = { ...NO_RESTARTS }

  const lifecycle = (shutdown$: Observable<Shutdown>): Observable<ServiceState> =>
    new Observable(out => {
      const asks = asksOf(shutdown$)
      let life: Subscription | undefined
      let wait: Subscription | undefined
      /** Asked to end, or not to be started again: every state passes through. */
      let ending = false
      /** The last failure. The service has not been running since. */
      let down: ErrorInfo | undefined
      /** Each incarnation has steps of its own, so that an old one that goes on listening holds nothing back. */
      let steps = new ShutdownSteps(asks)
      /** Tells a step to the present incarnation. Between two of them it ends the wait. */
      let tell = (shutdown: Shutdown): void => steps.raise(shutdown)

      const begin = (attempt: number): void => {
        let state: ServiceState = { phase: 'idle' }
        let info: Info | undefined
        let runningSince: number | undefined
        /** The final state that the service has told. This state is not passed on when the service is restarted. */
        let ended: StateOf<'stopped'> | undefined

        const ranFor = (): number => (runningSince === undefined ? 0 : clock.now() - runningSince)

        const onStopped = (stopped: StateOf<'stopped'>): void => {
          if (ending) out.next(down && !stopped.error ? { ...stopped, down } : stopped)
          else if (stopped.how === 'abandoned') {
            ending = true
            out.next(notRestarted(name, stopped))
          } else if (isDue(stopped, rules)) ended = stopped
          else out.next(stopped)
        }

        tell = shutdown => {
          const said = ended
          ended = undefined
          if (said) out.next(said)
          steps.raise(shutdown)
        }
        if (attempt > 1) {
          steps = new ShutdownSteps(asks)
          state = { phase: 'starting', attempt }
          out.next(state)
          if (out.closed) return
        }
        life = listen(
          defer(() => service.lifecycle(steps)),
          {
            next: said => {
              state = said
              if (said.info) info = said.info
              // A group that was stopped by hand has been asked to end, though by no step of ours.
              if (reasonOf(said)?.by === 'call') ending = true
              if (said.phase === 'running') {
                runningSince ??= clock.now()
                down = undefined
              }
              if (said.phase === 'stopped') onStopped(said)
              else if (said.phase !== 'starting' || attempt === 1) out.next(said)
              // The start has been told already, unless there is more to tell.
              else if (said.info || said.deadline !== undefined) out.next({ ...said, attempt })
            },
            error: error => {
              if (ending || !rules.afterFailure) return out.error(error)
              const failure = asFailure(name, isStarting(state), error)
              again(errorInfo(failure), failure, state, info, ranFor())
            },
            complete: () => {
              const silent = rules.afterEnd && state.phase !== 'stopped'
              if (!ending && (ended || silent)) {
                const error = ended?.error ?? endedError(name, ended)
                return again(error, fromErrorInfo(error), state, info, ranFor())
              }
              // A service that ends after a stable run has no failed attempts to remember.
              if (ranFor() >= rules.resetAfter) restarts.attempt = 1
              out.complete()
            },
          },
        )
        // The listener may have left while the service started.
        if (out.closed) life.unsubscribe()
      }

      const again = (
        error: ErrorInfo,
        cause: Error,
        state: ServiceState,
        info: Info | undefined,
        ran: number,
      ): void => {
        const left = leftRunning(name, info, cause)
        if (left) return out.error(left)
        const { attempt, delay } = backoff(rules, restarts.attempt, ran, (supervision.random ?? Math.random)())
        const at = clock.now() + delay
        const counted = admit(restarts.counted, at, rules)
        if (!counted) {
          // A service that is started after that, by hand, begins with nothing behind it.
          Object.assign(restarts, NO_RESTARTS)
          return out.error(restartedTooOften(name, rules, undefined, cause))
        }
        const refused = supervision.admit?.(at, cause)
        if (refused) return out.error(refused)

        Object.assign(restarts, { attempt, counted })
        down = error
        tell = () => {
          // A listener that hears of the end may raise the next step.
          tell = () => undefined
          out.next({ phase: 'stopped', how: 'stopped', down: error, ...(info && { info }) })
          out.complete()
        }
        // A service that dies while it drains by itself does not go from there to its next incarnation.
        if (state.phase === 'draining' || state.phase === 'drained')
          out.next({ phase: 'stopping', reason: { by: 'failure', service: name, error } })
        if (out.closed) return
        wait = after(clock, delay, onTime)
        out.next({ phase: 'backoff', error, attempt, retryAt: onTheWall(clock, at) })
      }

      const onTime = (): void => {
        const mayBegin = supervision.mayBegin?.()
        if (!mayBegin) return begin(restarts.attempt)
        // This may complete at once. The incarnation that begins then may be over, and wait, before this returns.
        const held = new Subscription()
        wait = held
        held.add(mayBegin.subscribe({ complete: () => begin(restarts.attempt) }))
      }

      const told = listen(shutdown$, {
        next: shutdown => {
          ending = true
          tell(shutdown)
        },
      })
      begin(1)

      return () => {
        told.unsubscribe()
        wait?.unsubscribe()
        life?.unsubscribe()
      }
    })
  return { name, lifecycle }
}

/** Whether an end that nobody asked for is followed by a restart. */
const isDue = ({ how, error }: StateOf<'stopped'>, { afterFailure, afterEnd }: RestartRules): boolean =>
  error !== undefined || how === 'forced' ? afterFailure : afterEnd

/** The cause of a restart after an end without a failure. */
const endedError = (name: string, ended: StateOf<'stopped'> | undefined): ErrorInfo => ({
  name: 'Error',
  message: `service "${name}" ${ended?.how === 'forced' ? 'was forced to stop' : 'ended'}`,
})

/** An abandoned service, with the reason why no other incarnation follows. */
const notRestarted = (name: string, state: StateOf<'stopped'>): ServiceState => {
  const error = state.error ?? errorInfo(serviceError('ERR_ABANDONED', name, 'was abandoned'))
  return { ...state, error: { ...error, message: `${error.message}; it is not restarted, because it may still run` } }
}

/** Why a service that left calls running is not started again. */
export const leftRunning = (name: string, info: Info | undefined, cause?: Error): ServiceError | undefined => {
  const left = info?.['abandoned']
  if (typeof left !== 'number' || left <= 0) return undefined
  const calls = left === 1 ? 'a call' : `${left} calls`
  return endsFor('ERR_ABANDONED', name, `not restarted, because it left ${calls} running`, cause)
}

/**
 * Why a service that reached a restart limit is not started again.
 *
 * @param whose limit it is, such as `group "shop"`; `undefined`: the service's own
 */
export const restartedTooOften = (
  name: string,
  { maxRestarts, period }: RestartLimit,
  whose: string | undefined,
  cause: Error,
): ServiceError => {
  const restarts = maxRestarts === 1 ? '1 restart' : `${maxRestarts} restarts`
  const what = `restart limit${whose === undefined ? '' : ` of ${whose}`} reached`
  return endsFor('ERR_RESTART_LIMIT', name, `${what} (${restarts} in ${milliseconds(period)})`, cause)
}

const endsFor = (code: ErrorCode, name: string, why: string, cause: Error | undefined): ServiceError => {
  const last = cause ? `; last error: ${messageOf(cause)}` : ''
  return serviceError(code, name, `${why}${last}`, cause && { cause })
}
