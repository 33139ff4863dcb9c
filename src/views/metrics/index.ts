import type { IncomingMessage } from 'node:http'
import type { Registry } from 'prom-client'
import { Subscription, type Unsubscribable } from 'rxjs'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { optionalPackage } from '../../core/optional-package.ts'
import { known, namesOf, refuse } from '../../core/options.ts'
import { type Exchange, handle, send, targetOf, type ViewListener } from '../common/listener.ts'
import { instrumentsOf } from './instruments.ts'
import loadPromClient from './prom-client.cts'
import { watch } from './watch.ts'

/** Where the metrics of a group go. */
export interface MetricsOptions {
  /** Default prom-client's own `register`. Several groups may share one: the label `group` tells them apart. */
  readonly registry?: Registry
  /** Put before each name, as in `collectDefaultMetrics`: `'app_'` makes `app_service_group_ready`. Default none. */
  readonly prefix?: string
}

export type { ViewListener } from '../common/listener.ts'

/** The metrics of a group: a request listener that answers with all that the registry holds. */
export interface Metrics extends ViewListener, Unsubscribable {
  /** Takes the group out of the registry again. */
  unsubscribe(): void
  /** Whether the group was taken out of the registry. */
  readonly closed: boolean
}

const METRICS = { kind: 'metrics', name: '' }

const OPTIONS = namesOf<MetricsOptions>({ registry: true, prefix: true })

/**
 * The state, health, transitions, restarts and durations of a group and of all inside it, in a registry of prom-client.
 * Gauges are read off when they are scraped, so they cost nothing in between. Give it the outermost group: a service
 * in a nested one has the label `service="workers/mailer"`.
 *
 * @returns a request listener for express 4 and 5, fastify, koa, hono and `node:http`, which answers `GET /metrics` for
 * a scraper; use it or not. Its `unsubscribe()` takes the group out of the registry again. The end of the group does
 * not, so that its last values can still be scraped or pushed.
 * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE`; `ERR_DUPLICATE_NAME` when the registry has a group
 * of that name; Error of prom-client when a name is
 * taken by another metric, or the prefix is not one
 * @example
 * ```ts
 * import { Registry } from 'prom-client'
 *
 * const group = serviceGroup('shop').add(service('db', {}))
 * const registry = new Registry()
 * metrics(group, { registry })
 * await group.start()
 * console.log((await registry.getSingleMetricAsString('service_group_ready')).split('\n')[2])
 * // service_group_ready{group="shop"} 1
 * ```
 */
export const metrics = (
  group: Pick<ServiceGroup<string, never>, 'name' | 'events$'>,
  options: MetricsOptions = {},
): Metrics => {
  known(METRICS, options, OPTIONS)
  const client = optionalPackage<typeof import('prom-client')>(METRICS, 'prom-client', loadPromClient)
  const { registry = client.register, prefix = '' } = options
  const { name } = group
  const instruments = instrumentsOf(client, registry, prefix)
  if (instruments.groups.has(name))
    refuse(
      { kind: 'metrics of group', name },
      'this registry has metrics of that name already; unsubscribe those first, or use another name or registry',
      'ERR_DUPLICATE_NAME',
    )
  const watched = watch(group, instruments)
  instruments.groups.set(name, watched)
  const registered = new Subscription(() => {
    watched.unsubscribe()
    instruments.groups.delete(name)
    if (instruments.groups.size === 0) instruments.unregister()
  })
  const scraped = async ({ response }: Exchange): Promise<void> => {
    response.setHeader('Cache-Control', 'no-store')
    send(response, 200, registry.contentType, await registry.metrics())
  }
  const listener = ((request, response, next) => {
    // RxJS calls a function that was added to a subscription.
    if (request === undefined) return registered.unsubscribe()
    if (next && !isForMetrics(request)) return next()
    handle({ request, response, query: targetOf(request).query }, { GET: scraped }, next)
  }) satisfies ViewListener
  return Object.defineProperties(listener, {
    unsubscribe: { value: () => registered.unsubscribe() },
    closed: { get: () => registered.closed },
  }) as Metrics
}

/** It is for `/metrics`, or for the very path under which the listener was mounted. */
const isForMetrics = (request: IncomingMessage & { readonly originalUrl?: string }): boolean => {
  const { path } = targetOf(request)
  const isMounted = request.originalUrl !== undefined && request.originalUrl !== request.url
  return path === '/metrics' || (path === '/' && isMounted)
}
