import { distinctUntilChanged, map, type Observable, takeWhile } from 'rxjs'
import type { Info, ServiceState, StopReason } from '../state.ts'
import type { GroupStatus } from '../status/status.ts'

/** How a service is restarted by hand. */
export interface RestartByHandOptions {
  /** Whether the services that depend on it are restarted with it. Default true. */
  readonly dependents?: boolean
}

/**
 * One service of a group, or of a group inside it, to look at and to act on. A handle belongs to a path: a service that
 * is added later under the same path is found by it too.
 */
export interface ServiceHandle {
  readonly name: string
  /** Where it is: `shop/workers/mailer`. */
  readonly path: string
  /** The present state. Of a service that was removed: `stopped`. */
  readonly state: ServiceState
  /** The particulars that the service tells of itself, such as its address. Empty until it tells some. */
  readonly info: Info
  /** The present state, then each change. Completes when the service was removed, and when the group is over. */
  readonly state$: Observable<ServiceState>

  /** Restarts the service, as `group.restart()` does. */
  restart(options?: RestartByHandOptions): Promise<void>

  /**
   * Stops the service and all that depend on it: they drain and stop in reverse, and stay in the status as `stopped`.
   * The group goes on, and counts none of them as missing or as ended. `onEnd` and `restart` do not apply. `restart()`
   * begins the service anew, and the services that were stopped with it. Resolves when all are gone, at once when they
   * are gone already. A call from inside one of them resolves as soon as only services with such calls are waited for.
   *
   * @param reason told to every stop hook. Of an error the message counts.
   * @throws ServiceError (as a rejection) `ERR_NOT_STARTED`; `ERR_UNKNOWN_SERVICE` when it was removed; the error of
   * its stop, though the service is gone then; `ERR_ABANDONED` when it did not end in its force budget
   * @example
   * ```ts
   * const group = serviceGroup('shop')
   *   .add(service('db', {}))
   *   .add(service('mailer', {}), { dependsOn: ['db'] })
   * await group.start()
   * const mailer = group.service('mailer')
   * await mailer.stop('the provider is down')
   * console.log(mailer.state.phase, group.status.ready) // stopped true
   * await mailer.restart()
   * ```
   */
  stop(reason?: string | Error | StopReason): Promise<void>
}

/** The group that a handle acts on. */
interface Handled {
  readonly status$: Observable<GroupStatus>
  status(): GroupStatus
  restart(path: string, options?: RestartByHandOptions): Promise<void>
  stop(path: string, reason: unknown): Promise<void>
}

const GONE: ServiceState = Object.freeze({ phase: 'stopped', how: 'stopped' })

const NO_INFO: Info = Object.freeze({})

export const handleOf = (path: string, group: Handled): ServiceHandle => ({
  name: path.slice(path.lastIndexOf('/') + 1),
  path,
  get state() {
    return group.status().byPath(path)?.state ?? GONE
  },
  get info() {
    return group.status().byPath(path)?.state.info ?? NO_INFO
  },
  get state$() {
    return group.status$.pipe(
      map(status => status.byPath(path)?.state),
      takeWhile(state => state !== undefined),
      distinctUntilChanged(),
    )
  },
  restart: options => group.restart(path, options),
  stop: reason => group.stop(path, reason),
})
