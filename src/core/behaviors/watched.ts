import { Observable, type Subscriber, type Subscription } from 'rxjs'
import { combine, errorInfo, fromErrorInfo, type ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import { oneOf } from '../options.ts'
import type { Service } from '../service.ts'
import type { Health, ServiceState, StateOf } from '../state.ts'
import { type Shutdown, ShutdownSteps } from '../steps.ts'

/** What comes of a service that was found to be failing. */
export type OnFailure = 'nothing' | 'degrade' | 'fail'

const OUTCOMES: readonly OnFailure[] = ['nothing', 'degrade', 'fail']

/** The outcome that was asked for, checked. */
export const onFailureOf = (service: string, option: string, value: OnFailure = 'degrade'): OnFailure => {
  oneOf(service, option, OUTCOMES, value)
  return value
}

/** How well a service was found to be. */
export interface Finding {
  readonly health: Health
  readonly detail?: string | undefined
}

export const PASS: Finding = { health: 'pass' }

/** Who looks at a service while it runs: one for each time that it comes to run. */
export interface Watcher {
  /** It runs. */
  begin(): void
  /** It gave a sign of life. */
  beat?(): void
  /** It is leaving, or gone: nothing that is found from now on counts. */
  rest(): void
}

/** Where a watcher tells what it has found. */
export interface Findings {
  found(finding: Finding): void
  /** It is failing: whatever `onFailure` says comes of that. */
  failing(detail: string, error: () => ServiceError): void
}

/**
 * A service that is watched while it runs, and what comes of that: the worse of what it says itself and what was found
 * is shown, each change once. One that is to fail is stopped as in a shutdown and fails once it is gone. The watch ends
 * with the first step of a shutdown; what is known then stays known.
 */
export const watched = <Name extends string>(
  service: Service<Name>,
  onFailure: OnFailure,
  watch: (findings: Findings) => Watcher,
): Service<Name> => ({
  name: service.name,
  lifecycle: shutdown$ =>
    new Observable(out => {
      const life = new WatchedLife(service, onFailure, watch, out)
      life.begin(shutdown$)
      return life
    }),
})

class WatchedLife implements Findings {
  readonly #service: Service
  readonly #onFailure: OnFailure
  readonly #watch: (findings: Findings) => Watcher
  readonly #out: Subscriber<ServiceState>
  readonly #level = new ShutdownSteps()
  #steps: Subscription | undefined
  #life: Subscription | undefined
  #watcher: Watcher | undefined
  /** What the service itself said last, while it runs. */
  #own: StateOf<'running'> | undefined
  #finding = PASS
  #failure: ServiceError | undefined

  constructor(
    service: Service,
    onFailure: OnFailure,
    watch: (findings: Findings) => Watcher,
    out: Subscriber<ServiceState>,
  ) {
    this.#service = service
    this.#onFailure = onFailure
    this.#watch = watch
    this.#out = out
  }

  begin(shutdown$: Observable<Shutdown>): void {
    this.#steps = listen(shutdown$, {
      next: shutdown => {
        this.#rest()
        this.#level.raise(shutdown)
      },
    })
    this.#life = listen(this.#service.lifecycle(this.#level), this)
  }

  next(state: ServiceState): void {
    if (state.phase === 'running') return state.beat ? this.#onBeat(state) : this.#onRunning(state)
    if (this.#own) this.#forget()
    if (!this.#failure || state.phase !== 'stopped') return this.#out.next(state)
    // It has been stopped because it is failing: that is a failure, once it is really gone.
    if (state.how === 'abandoned')
      this.#out.next({ ...state, error: state.error ? blame(state.error, this.#failure) : errorInfo(this.#failure) })
    else if (state.error) this.#failure = combine(this.#failure, [fromErrorInfo(state.error)])
  }

  error(error: unknown): void {
    this.#rest()
    this.#out.error(this.#failure ? combine(this.#failure, [error]) : error)
  }

  complete(): void {
    this.#rest()
    if (this.#failure) this.#out.error(this.#failure)
    else this.#out.complete()
  }

  unsubscribe(): void {
    this.#rest()
    this.#steps?.unsubscribe()
    this.#life?.unsubscribe()
  }

  found(finding: Finding): void {
    const { health, detail } = this.#finding
    this.#finding = finding
    if (this.#own && (health !== finding.health || detail !== finding.detail)) this.#out.next(this.#seen(this.#own))
  }

  failing(detail: string, error: () => ServiceError): void {
    this.found({ health: this.#onFailure === 'nothing' ? 'pass' : 'fail', detail })
    if (this.#onFailure !== 'fail' || !this.#isWatchable()) return
    this.#rest()
    this.#failure = error()
    const reason = { by: 'failure', service: this.#service.name, error: errorInfo(this.#failure) } as const
    this.#level.raise({ step: 'stop', reason })
  }

  #onRunning(state: StateOf<'running'>): void {
    const first = !this.#own
    this.#own = state
    this.#out.next(this.#seen(state))
    if (!first || !this.#isWatchable()) return
    this.#watcher = this.#watch(this)
    this.#watcher.begin()
  }

  /** Whoever does not ask for beats hands them on. */
  #onBeat(state: StateOf<'running'>): void {
    if (this.#watcher?.beat) this.#watcher.beat()
    else this.#out.next(state)
  }

  /** Any step means that it is leaving. */
  #isWatchable(): boolean {
    return this.#own !== undefined && !this.#own.leaving && !this.#level.latest && !this.#out.closed
  }

  #rest(): void {
    const watcher = this.#watcher
    this.#watcher = undefined
    watcher?.rest()
  }

  #forget(): void {
    this.#rest()
    this.#own = undefined
    this.#finding = PASS
  }

  /** The worse of what it says and what was found; both when they are as bad. */
  #seen(own: StateOf<'running'>): ServiceState {
    const found = this.#finding
    if (found === PASS || rank[found.health] < rank[own.health]) return own
    const { detail: said, ...rest } = own
    const worse = found.health !== own.health || said === undefined
    const detail = worse ? found.detail : found.detail === undefined ? said : `${said}; ${found.detail}`
    return { ...rest, health: found.health, ...(detail !== undefined && { detail }) }
  }
}

const rank: Readonly<Record<Health, number>> = { pass: 0, warn: 1, fail: 2 }

/** The error of one that was given up, with what it was stopped for at its root. */
const blame = (error: NonNullable<StateOf<'stopped'>['error']>, failure: ServiceError): typeof error => ({
  ...error,
  cause: error.cause ? blame(error.cause, failure) : errorInfo(failure),
})
