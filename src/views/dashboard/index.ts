import type { IncomingMessage } from 'node:http'
import type { Observable } from 'rxjs'
import { count, flag, known, must, namesOf, refuse } from '../../core/options.ts'
import type { GroupEvent } from '../../core/status/events.ts'
import { jsonOf } from '../../core/status/recording.ts'
import { ACTIONS, canAct, type GroupActions } from '../common/act.ts'
import { type Handler, JSON_TYPE, problem, type Route, routed, send, type ViewListener } from '../common/listener.ts'
import { actions } from './actions.ts'
import { addressOf } from './address.ts'
import { assets } from './assets.ts'
import { broadcast } from './broadcast.ts'
import { consoleFeed } from './console-feed.ts'
import { figuresFeed } from './figures-feed.ts'
import { policyFor, protect, unknownHost } from './guard.ts'
import { css, html, js } from './page-texts.ts'

export type { GroupActions as DashboardActions } from '../common/act.ts'
export type { ViewListener } from '../common/listener.ts'

/** The source of a dashboard: a group; or a recording, `{ name: 'shop', events$: replayEvents(lines) }`. */
export interface Watched extends Partial<GroupActions> {
  readonly name: string
  readonly events$: Observable<GroupEvent>
}

/** Rights of those who use a dashboard. */
export interface DashboardOptions {
  /**
   * Lets those who know it start, stop and restart services and stop the group; at least 16 characters. Without it the
   * dashboard only shows. The page asks for it.
   */
  readonly token?: string
  /**
   * Host names, without a port, under which the dashboard may be opened: what a proxy or a DNS server calls it.
   * Addresses and `localhost` always may. Default: no others.
   */
  readonly hosts?: readonly string[]
  /** How many may watch at the same time; others get 503. Default 256. */
  readonly maxClients?: number
  /**
   * Shows what the services print: the latest 500 lines of each, 64 kB of text at most, and 1 MB of all of them. A line
   * belongs to the service whose hook or handler has printed it, or to the thread or process that it came from; see
   * [the page about views](../README.md). The standard streams stay as they are. Whoever may open the page reads all of
   * these lines, so they must hold no secrets. Default false.
   */
  readonly logs?: boolean
}

const OPTIONS = namesOf<DashboardOptions>({ token: true, hosts: true, maxClients: true, logs: true })

const SHORTEST_TOKEN = 16
const CLIENTS = 256
const READ_ONLY = 'this dashboard only shows'

/**
 * The dashboard of a group, as a request listener for express 4 and 5, fastify, koa, hono and `node:http`: a page, its
 * events as a stream that can be resumed (`GET events`: `hello`, then `events` from a snapshot on, and at the end `end`
 * with the report as far as it is known), and the status for programs (`GET status`). It listens from now on, once for
 * all who watch, and keeps the latest 2,000 events (4 MB at most), so that who comes late sees the start too. Who reads
 * too slowly is dropped. Of a group that is restarted inside another it shows one life: show the outer one.
 *
 * Add it as an observer, and the shutdown can be watched to the end of all the others. It has no login: let it listen
 * where only you can reach it, or put it behind a proxy that has one.
 *
 * With a `token` there is also `POST actions` with `Authorization: Bearer <token>`:
 * `{"action":"restart","service":"db"}`, so too `start` and `stop`, and `{"action":"stop-group"}`. A service inside a
 * group of the group is named by its path, `workers/mailer`. Each request, allowed or refused, is an event of the
 * group.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * import { http } from 'rx-service-group/http'
 *
 * const group = serviceGroup('shop').add(service('db', {}))
 * group.add(http('dashboard', dashboard(group), { port: 9000, host: '127.0.0.1' }), { observer: true })
 * ```
 */
export const dashboard = (group: Watched, options: DashboardOptions = {}): ViewListener => {
  const whose = { kind: 'dashboard', name: group.name }
  known(whose, options, OPTIONS)
  const { token, hosts = [] } = options
  const maxClients = count(whose, 'maxClients', options.maxClients, CLIENTS)
  if (token !== undefined && (typeof token !== 'string' || token.length < SHORTEST_TOKEN))
    refuse(whose, `token must be a text of at least ${SHORTEST_TOKEN} characters`)
  const areNames = Array.isArray(hosts) && hosts.every(host => typeof host === 'string')
  must(whose, 'hosts', areNames, 'an array of host names', hosts)
  flag(whose, 'logs', options.logs)
  const knownHosts = hosts.map(host => host.toLowerCase())
  const acting = token !== undefined && canAct(group)
  const audience = broadcast(
    group,
    acting && ACTIONS.filter(action => action !== 'stop' || group.service !== undefined),
    [
      // Of a recording, another process could tell them.
      ...(isLive(group) ? [figuresFeed()] : []),
      ...(options.logs ? [consoleFeed(group.name)] : []),
    ],
  )

  const events: Handler = ({ request, response, query }) => {
    if (request.method === 'HEAD') return send(response, 200, 'text/event-stream', '')
    if (audience.watching >= maxClients) {
      response.setHeader('Retry-After', '5')
      return problem(response, 503, 'ERR_TOO_MANY_CLIENTS', `${maxClients} watch already`)
    }
    const { 'last-event-id': lastId = query.get('lastEventId') } = request.headers
    audience.join(response, typeof lastId === 'string' ? lastId : undefined)
  }
  const status: Handler = ({ response }) => {
    const now = audience.status()
    if (!now) return problem(response, 503, 'ERR_NOT_STARTED', 'nothing is known yet')
    send(response, 200, JSON_TYPE, jsonOf({ ...now.toJSON(), reasons: now.reasons }))
  }
  const tellRefused = (request: IncomingMessage, reason: string): void =>
    group.recordRequest?.({ by: addressOf(request), outcome: 'refused', reason })
  const readOnly: Handler = ({ request, response }) => {
    tellRefused(request, READ_ONLY)
    problem(response, 404, 'ERR_READ_ONLY', READ_ONLY)
  }
  const routes: Readonly<Record<string, Route>> = {
    ...assets({ html, css, js }),
    events: { GET: events },
    status: { GET: status },
    actions: { POST: acting ? actions({ group, status: audience.status, token, hosts: knownHosts }) : readOnly },
  }
  const setHeaders = protect(policyFor(html))
  return routed(routes, exchange => {
    const { request, response } = exchange
    setHeaders(exchange)
    const unknown = unknownHost(request.headers.host, knownHosts)
    if (unknown === undefined) return true
    if (request.method === 'POST') tellRefused(request, unknown)
    problem(response, 403, 'ERR_UNKNOWN_HOST', unknown)
    return false
  })
}

/** A group of this process, and no recording of another one. */
const isLive = (group: Watched): boolean => group.stop !== undefined
