import type { Observable } from 'rxjs'
import type { Abortable } from '../abort.ts'
import type { GroupPlan } from '../group-plan.ts'
import type { Service, Startable } from '../service.ts'
import type { ServiceState, StopReason } from '../state.ts'
import type { GroupEvent } from '../status/events.ts'
import type { Report } from '../status/report.ts'
import type { GroupStatus } from '../status/status.ts'
import type { Shutdown } from '../steps.ts'
import type { ActionRequest } from './action-request.ts'
import type { AddOptions } from './entry.ts'
import { Group } from './group.ts'
import type { GroupHealth } from './health.ts'
import type { GroupOptions } from './options.ts'
import type { RestartByHandOptions, ServiceHandle } from './service-handle.ts'
import type { StopOptions } from './stop-options.ts'

/** Several services as one: started in order, watched as one stream, stopped in reverse. A group is a Service. */
export interface ServiceGroup<Name extends string = string, Known extends string = never> extends Service<Name> {
  /** The options of the group, defaults filled in. */
  readonly options: Required<GroupOptions>

  /**
   * Adds a service: a Service, or any object with `start()` and `stop()`, named after its `name` or its class. Returns
   * the group. While the group runs, the service is started at once and stops first.
   *
   * @throws ServiceError `ERR_INVALID_NAME`, `ERR_DUPLICATE_NAME`, `ERR_NOT_A_SERVICE`, `ERR_INVALID_DURATION`,
   * `ERR_INVALID_OPTION`; of a group `ERR_CIRCULAR_DEPENDENCY`, `ERR_SERVICE_IN_USE`; `ERR_GROUP_STOPPING` once the
   * group is leaving; while it runs also `ERR_UNKNOWN_DEPENDENCY`, and `ERR_DEPENDENCY_FAILED` when a dependency has
   * failed or was stopped
   * @example
   * ```ts
   * const group = serviceGroup('shop')
   *   .add(service('db', {}))
   *   .add(service('api', {}), { dependsOn: ['db'], stopTimeout: 5_000 })
   *   .add(service('cache', { start: () => Promise.reject(new Error('no route')) }), { optional: true })
   *   .add(job('import', () => console.log('imported')), { dependsOn: ['db'], onEnd: 'stop-group' })
   * await group.start()
   * ```
   */
  add<const N extends string>(
    added: Service<N> | (Startable & { readonly name?: N }),
    options?: AddOptions<Known>,
  ): ServiceGroup<Name, Known | N>

  /**
   * Starts all services in order; resolves once the last is running. A second call returns the same promise. When a
   * service fails, the services that have started are stopped in reverse before this rejects.
   *
   * @param options `signal`: stops the group when it is aborted before the group is running. Then this rejects with
   * `ERR_GROUP_STOPPED`, and the reason of the signal as `cause`, once all that has started is stopped.
   * @throws ServiceError (as a rejection) `ERR_GROUP_FAILED` with the first cause as `cause` and all errors in
   * `errors`; `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY` before anything starts; `ERR_START_TIMEOUT`;
   * `ERR_GROUP_STOPPED` when the group was stopped, or is over; `ERR_ALREADY_STARTED` for a nested group, or one that
   * runs; `ERR_INVALID_OPTION`
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * await group.start({ signal: AbortSignal.timeout(5_000) })
   * await group.stop()
   * ```
   */
  start(options?: Abortable): Promise<void>

  /**
   * Resolves when the group is ready: `whenReady()` without a signal. The promise is made when this is read, so it
   * rejects unhandled only for a caller that took it.
   *
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * void run(group)
   * await group.ready
   * console.log(group.status.phase) // running
   * await group.stop()
   * ```
   */
  readonly ready: Promise<void>

  /**
   * Resolves when the group is ready, as probes and `status.ready` tell it: at once, if it is. It may be called at any
   * time, also before `start()` or `run()`, and of a nested group. A start hook must not await it, since the group is
   * ready only after that hook.
   *
   * @param options `signal`: ends the wait when it is aborted. The group goes on.
   * @throws ServiceError (as a rejection) when the group is over before: the error that `start()` rejects with, such as
   * `ERR_GROUP_FAILED`, `ERR_START_TIMEOUT` or `ERR_GROUP_STOPPED`; the reason of the signal; `ERR_INVALID_OPTION`
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * void group.start()
   * await group.whenReady({ signal: AbortSignal.timeout(5_000) })
   * await group.stop()
   * ```
   */
  whenReady(options?: Abortable): Promise<void>

  /**
   * One service, to look at and to act on: by its name where that is unambiguous, or by its path (`workers/mailer`,
   * `shop/workers/mailer`). A service of the group itself comes before services inside nested groups.
   *
   * @throws ServiceError `ERR_UNKNOWN_SERVICE`, `ERR_AMBIGUOUS_NAME` when several nested groups have a service of the
   * name
   * @example
   * ```ts
   * const workers = serviceGroup('workers').add(service('mailer', { start: ({ info }) => info({ queue: 'mail' }) }))
   * const group = serviceGroup('shop').add(workers)
   * await group.start()
   * const mailer = group.service('mailer')
   * console.log(mailer.path, mailer.state.phase, mailer.info['queue']) // shop/workers/mailer running mail
   * await mailer.restart()
   * await mailer.stop()
   * ```
   */
  service(name: Known | (string & {})): ServiceHandle

  /**
   * Restarts a service by hand, with all that depend on it: they drain and stop in reverse, and start in order.
   * Resolves when they are running again. A service in backoff starts at once. A service that has not been started
   * starts once, at its turn. A service that is over begins anew. A call from inside a service that goes down resolves
   * as soon as only services with such calls are waited for.
   *
   * @param name the name of the service, or its path inside a nested group: `workers/mailer`
   * @param options `dependents: false` restarts only the service itself
   * @throws ServiceError (as a rejection) `ERR_UNKNOWN_SERVICE`, `ERR_AMBIGUOUS_NAME`, `ERR_NOT_STARTED`,
   * `ERR_GROUP_STOPPING`; `ERR_DEPENDENCY_FAILED` for a service that is over, when a dependency is over too;
   * `ERR_ABANDONED` for a service that may still run; `ERR_INVALID_OPTION`; or the error that the service failed with
   * @example
   * ```ts
   * const group = serviceGroup('shop')
   *   .add(service('db', {}))
   *   .add(service('api', {}), { dependsOn: ['db'] })
   * await group.start()
   * await group.restart('db') // api stops, db stops, db starts, api starts
   * await group.restart('db', { dependents: false }) // db stops, db starts
   * ```
   */
  restart(name: Known | (string & {}), options?: RestartByHandOptions): Promise<void>

  /**
   * Stops a service and forgets it: it leaves the status, and its name is free again. Resolves when the service is
   * gone. A second call meanwhile returns the same promise. Before the group's start, the service is taken out at once.
   * A call from inside the service resolves as soon as only the service itself is waited for.
   *
   * @param name the name of the service, or its path inside a nested group: `workers/mailer`
   * @throws ServiceError (as a rejection) `ERR_UNKNOWN_SERVICE`, `ERR_AMBIGUOUS_NAME`, `ERR_GROUP_STOPPING`;
   * `ERR_SERVICE_IN_USE` while others name it in `dependsOn`; the error of its stop, though the service is gone then;
   * `ERR_ABANDONED` when it did not end in its force budget: an abandoned service stays in the status
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {})).add(service('import', {}))
   * await group.start()
   * await group.remove('import')
   * console.log(Object.keys(group.status.services)) // [ 'shop/db' ]
   * ```
   */
  remove(name: Known | (string & {})): Promise<void>

  /**
   * Ends the group: readiness turns false, all services drain, then each stops in reverse order. Resolves with the
   * report when all are gone or abandoned. Never rejects: errors are in the report. A second call returns the same
   * result. A stop before the start is final: no service code runs.
   *
   * A call from inside a service that it ends would wait for itself. Such a call resolves with the report so far, as
   * soon as only services that await such a call are waited for. See "From inside" in the README.
   *
   * @param how the reason, told to every stop hook and in the report; or options: `reason`; `force: true` forces all
   * services at once, also later, while they are stopping gracefully; `signal` forces what is left when it is aborted.
   * No value is refused.
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * await group.start()
   * const report = await group.stop({ reason: 'end of the day', signal: AbortSignal.timeout(5_000) })
   * console.log(report.ok, report.trigger) // true { by: 'call', message: 'end of the day' }
   * ```
   */
  stop(how?: string | Error | StopReason | StopOptions): Promise<Report>

  /**
   * The plan of the group, without starting anything: the services by level, the longest start and stop as
   * their timeouts allow, and the line that tells Kubernetes how long to wait. `mermaid(plan)` draws it.
   *
   * @throws ServiceError `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY`
   * @example
   * ```ts
   * const plan = serviceGroup('shop', { drainDelay: 5_000, shutdownTimeout: 36_000 })
   *   .add(service('db', {}))
   *   .add(service('queue', {}), { dependsOn: ['db'] })
   *   .add(service('api', {}), { dependsOn: ['db'] })
   *   .plan()
   * console.log(plan.levels) // [ [ 'shop/db' ], [ 'shop/queue', 'shop/api' ] ]
   * console.log(plan.kubernetes) // terminationGracePeriodSeconds: 38
   * ```
   */
  plan(): GroupPlan

  /**
   * Tells that somebody has asked for something from outside: an event, which is a line of the log and part of
   * recordings. Each view that lets people act on the group calls this for each request, allowed or refused. Of refused
   * requests ten a second are told at most. A group that is over tells nothing any more.
   *
   * @throws ServiceError `ERR_INVALID_OPTION`
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * await group.start()
   * group.events$.subscribe(event => {
   *   if (event.kind === 'request') console.log(event.path, event.action, event.by, event.outcome)
   * })
   * group.recordRequest({ action: 'restart', service: 'db', by: '10.0.0.7', outcome: 'accepted' })
   * ```
   */
  recordRequest(request: ActionRequest): void

  /** Every change of every service, as one stream of statuses. The first value is the present status. */
  readonly status$: Observable<GroupStatus>

  /** A snapshot, then numbered transitions without a gap, with paths (`shop/workers/mailer`). */
  readonly events$: Observable<GroupEvent>

  /**
   * The health, the readiness and the reasons of the group, when they change. During a start `status.reasons` tells at
   * any moment which services the group still waits for.
   */
  readonly health$: Observable<GroupHealth>

  /** The present status. A status is a value: it never changes. */
  readonly status: GroupStatus

  /** How many services are in the group, without those inside nested groups. */
  readonly size: number

  /** The report so far. */
  readonly report: Report

  /** The group as a Service, so that it can be added to another group. There it may begin anew when it is over. */
  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState>

  /**
   * Stops the group at the end of an `await using` block.
   *
   * @throws ServiceError (as a rejection) `ERR_GROUP_FAILED` when the report is not `ok`, with all errors of the report
   * in `errors`, the first as `cause`; not when `start()` has rejected with the failure
   */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A group of services. Services start in the order they are added and stop in reverse.
 *
 * @param name shown in paths. Default `'group'`.
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * const group = serviceGroup('shop', { shutdownTimeout: 20_000 })
 *   .add(service('db', { start: () => console.log('open'), stop: () => console.log('close') }))
 * group.status$.subscribe(s => console.log(s.phase, s.health))
 * await group.start()
 * await group.stop()
 * ```
 */
export const serviceGroup = <const Name extends string = 'group'>(
  name: Name = 'group' as Name,
  options: GroupOptions = {},
): ServiceGroup<Name> => new Group(name, options)
