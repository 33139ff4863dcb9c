import { flag, known, namesOf } from '../../core/options.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { type Handler, type Route, routed, send, type ViewListener } from '../common/listener.ts'
import { healthJson } from './health-json.ts'
import { type Probe, verdicts } from './verdict.ts'

export type { ViewListener } from '../common/listener.ts'

/** The source of probes: a group. Give the outermost one: a group inside another may be over, and yet live again. */
export interface Probed {
  readonly status: GroupStatus
}

/** Options of probes. */
export interface ProbesOptions {
  /**
   * Tells what services say of their health, the messages of their errors, and why the group is leaving. They may name
   * hosts, users and queries, and probes can often be reached from outside: default false, and only names and states
   * are told. Stacks never are.
   */
  readonly details?: boolean
}

const PROBES = { kind: 'probes', name: '' }

const OPTIONS = namesOf<ProbesOptions>({ details: true })

/**
 * The probes of a group as a request listener, in `application/health+json`: for express 4 and 5, fastify, koa, hono
 * and `node:http`. Each is answered from what is true at that moment; a failed one is 503.
 *
 * - `/livez` fails only when the group is over and the process is still there: it should be started anew. No bad health
 *   of a service and no step of a shutdown fails it. A service that is to take the process with it when it is not well
 *   says so with `onFailure: 'fail'` in its health check.
 * - `/readyz` fails whenever the group is not `ready`: while it starts, from the first step of a shutdown on, while
 *   something that it needs is down or failing.
 * - `/startupz` fails until the group is running for the first time, and never again.
 * - `/healthz`, for who asks only one question, fails when the group is not up, or failing.
 *
 * A short answer is `{"status":"pass"}`, or has the reasons as `notes`; `?verbose` adds every service as `checks`.
 *
 * Give them a server of their own, as an `observer`, and they answer until all the others are gone. In the app of an
 * API they are gone as soon as that drains.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * import { http } from 'rx-service-group/http'
 *
 * const group = serviceGroup('shop').add(service('db', {}))
 * const server = http('probes', probes(group), { host: '127.0.0.1' })
 * group.add(server, { observer: true })
 * await group.start()
 * const answer = await fetch(`${server.url}/readyz`)
 * console.log(answer.status, await answer.json()) // 200 { status: 'pass' }
 * await group.stop()
 * ```
 */
export const probes = (group: Probed, options: ProbesOptions = {}): ViewListener => {
  known(PROBES, options, OPTIONS)
  flag(PROBES, 'details', options.details)
  const { details = false } = options
  let hasRun = false
  const answer =
    (probe: Probe): Handler =>
    ({ response, query }) => {
      const { status } = group
      hasRun ||= status.group.readyAt !== null
      const verdict = verdicts[probe](status, hasRun)
      // The value does not count, as in Kubernetes.
      const verbose = query.has('verbose')
      const body = healthJson(status, verdict, { verbose, details })
      response.setHeader('X-Content-Type-Options', 'nosniff')
      send(response, verdict === 'fail' ? 503 : 200, 'application/health+json', body)
    }
  const routes: Record<string, Route> = {}
  for (const probe of Object.keys(verdicts) as Probe[]) routes[probe] = routes[`${probe}/`] = { GET: answer(probe) }
  return routed(routes, ({ response }) => void response.setHeader('Cache-Control', 'no-store'))
}
