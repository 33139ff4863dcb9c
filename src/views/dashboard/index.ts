import type { Router } from 'express'
import type { Observable } from 'rxjs'
import { optionalPackage } from '../../core/optional-package.ts'
import { count, flag, known, must, namesOf, refuse } from '../../core/options.ts'
import type { GroupEvent } from '../../core/status/events.ts'
import { jsonOf } from '../../core/status/recording.ts'
import { actions, type DashboardActions } from './actions.ts'
import { assets } from './assets.ts'
import { broadcast } from './broadcast.ts'
import { consoleFeed } from './console-feed.ts'
import loadExpress from './express.cts'
import { figuresFeed } from './figures-feed.ts'
import { onlyFor, problem, protect } from './guard.ts'
import { css, html, js } from './page-texts.ts'

export type { DashboardActions } from './actions.ts'

/** What a dashboard shows: a group; or a recording, `{ name: 'shop', events$: replayEvents(lines) }`. */
export interface Watched extends Partial<DashboardActions> {
  readonly name: string
  readonly events$: Observable<GroupEvent>
}

/** Who may do what with a dashboard. */
export interface DashboardOptions {
  /**
   * Lets those who know it restart a service and stop the group; at least 16 characters. Without it the dashboard only
   * shows. The page asks for it.
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

/**
 * The dashboard of a group, as a router for express 4 or 5: a page, its events as a stream that can be resumed
 * (`GET events`: `hello`, then `events` from a snapshot on, and at the end `end` with the report as far as it is known),
 * and the status for programs (`GET status`). It listens from now on, once for all who watch, and keeps
 * the latest 2,000 events, so that who comes late sees the start too. Who reads too slowly is dropped. Of a group that
 * is restarted inside another it shows one life: show the outer one.
 *
 * Add it as an observer, and the shutdown can be watched to the end of all the others. It has no login: let it listen
 * where only you can reach it, or put it behind a proxy that has one.
 *
 * With a `token` there is also `POST actions` with `Authorization: Bearer <token>`, for the group's own services, not
 * for those inside a group of the group: `{"action":"restart","service":"db"}`, `{"action":"stop"}`.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE`
 * @example
 * ```ts
 * import express from 'express'
 * import { http } from 'rx-service-group/http'
 *
 * const group = serviceGroup('shop').add(service('db', {}))
 * const app = express().use(dashboard(group))
 * group.add(http('dashboard', app, { port: 9000, host: '127.0.0.1' }), { observer: true })
 * ```
 */
export const dashboard = (group: Watched, options: DashboardOptions = {}): Router => {
  const whose = { kind: 'dashboard', name: group.name }
  known(whose, options, OPTIONS)
  const { token, hosts = [] } = options
  const maxClients = count(whose, 'maxClients', options.maxClients, CLIENTS)
  if (token !== undefined && (typeof token !== 'string' || token.length < SHORTEST_TOKEN))
    refuse(whose, `token must be a text of at least ${SHORTEST_TOKEN} characters`)
  const areNames = Array.isArray(hosts) && hosts.every(host => typeof host === 'string')
  must(whose, 'hosts', areNames, 'an array of host names', hosts)
  flag(whose, 'logs', options.logs)
  const express = optionalPackage<typeof import('express')>(whose, 'express', loadExpress)
  const knownHosts = hosts.map(host => host.toLowerCase())
  const acting = token !== undefined && canAct(group)
  const audience = broadcast(group, acting, [
    // Of a recording, another process could tell them.
    ...(isLive(group) ? [figuresFeed()] : []),
    ...(options.logs ? [consoleFeed(group.name)] : []),
  ])

  const router = express.Router({ strict: true })
  // Not for all: an app may have other routes besides.
  router.all(['/', '/page.js', '/page.css', '/events', '/status', '/actions'], protect, onlyFor(knownHosts))
  router.get('/events', (request, response) => {
    if (request.method === 'HEAD') return void response.type('text/event-stream').end()
    if (audience.watching >= maxClients) {
      response.set('Retry-After', '5')
      return problem(response, 503, 'ERR_TOO_MANY_CLIENTS', `${maxClients} watch already`)
    }
    const lastId = request.get('last-event-id') ?? request.query['lastEventId']
    audience.join(response, typeof lastId === 'string' ? lastId : undefined)
  })
  router.get('/status', (_, response) => {
    const status = audience.status()
    if (!status) return problem(response, 503, 'ERR_NOT_STARTED', 'nothing is known yet')
    response.type('json').send(jsonOf({ ...status.toJSON(), reasons: status.reasons }))
  })
  if (acting) router.use(actions(express, group, audience.status, token, knownHosts))
  else router.post('/actions', (_, response) => problem(response, 404, 'ERR_READ_ONLY', 'this dashboard only shows'))
  return router.use(assets(express, { html, css, js }))
}

/** A group of this process, and no recording of another one. */
const isLive = (group: Watched): boolean => group.stop !== undefined

const canAct = (group: Watched): group is Watched & DashboardActions =>
  group.restart !== undefined && group.stop !== undefined
