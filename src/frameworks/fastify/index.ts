import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { isName, known, must, namesOf } from '../../core/options.ts'
import { healthJson } from '../../views/probes/health-json.ts'
import { verdicts } from '../../views/probes/verdict.ts'
import { WithApp } from '../common/with-app.ts'

/** The options of the plugin. */
export interface ServiceGroupPluginOptions {
  /** The group that starts and stops with the app. */
  readonly group: ServiceGroup<string, never>
  /**
   * The path of a route that tells whether the group is ready, as `probes()` does: 200 or 503, and the services that
   * are not well as `notes`. Default: no route.
   */
  readonly healthPath?: string
}

const PLUGIN = { kind: 'fastify plugin', name: 'rx-service-group' }

/** Fastify gives a plugin the options of `register` too. */
const OPTIONS = [
  ...namesOf<ServiceGroupPluginOptions>({ group: true, healthPath: true }),
  ...['prefix', 'logLevel', 'logSerializers'],
]

const plugin = async (app: FastifyInstance, options: ServiceGroupPluginOptions): Promise<void> => {
  known(PLUGIN, options, OPTIONS)
  const { group, healthPath } = options
  must(PLUGIN, 'group', typeof group?.start === 'function' && 'status$' in group, 'a group', group)
  must(PLUGIN, 'healthPath', healthPath === undefined || isPath(healthPath), 'a path such as /health', healthPath)
  const life = new WithApp(group)

  app.addHook('onReady', () => life.start())
  app.addHook('onListen', async () => life.serve(app.server))
  // The server still answers what it has begun. It is closed between these two.
  app.addHook('preClose', () => life.drain({ by: 'call', message: 'fastify: close()' }))
  app.addHook('onClose', () => life.end())
  life.onGone(report => {
    const [error] = report.errors
    app.log.error(error, `the group "${group.name}" is over: ${report.outcome}`)
    void app.close()
  })

  if (healthPath === undefined) return
  app.get(healthPath, async (request, reply) => {
    const { status } = group
    const verdict = verdicts.readyz(status, true)
    const verbose = Object.hasOwn(request.query as object, 'verbose')
    return reply
      .code(verdict === 'fail' ? 503 : 200)
      .header('cache-control', 'no-store')
      .type('application/health+json')
      .send(healthJson(status, verdict, { verbose, details: false }))
  })
}

const isPath = (value: unknown): boolean => isName(value) && value.startsWith('/')

/**
 * A plugin for fastify 5: the group starts before the app listens, and stops when the app closes.
 *
 * - `app.ready()`, `app.listen()` and `app.inject()` start the group first, and reject when its start fails. A start
 *   that may take longer than 10 s needs `fastify({ pluginTimeout: 0 })`.
 * - When the app listens, its server is the service `http` of the group: the status tells its url, and while it drains
 *   how many requests are `pending`.
 * - `app.close()` drains the group, the requests under way included. Then the services stop in reverse, and the promise
 *   resolves when all are gone.
 * - A group that goes down by itself, because a service failed, closes the app.
 *
 * A group that was begun before the app is led by its caller. With `run(group)` the app is a service of the group, the
 * last one: `service('app', { start: () => app.listen({ port }), stop: () => app.close() })`. Then `app.close()` begins
 * the shutdown of the group, which `run` reports, and does not wait for its end.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`, as a rejection of `app.ready()`
 * @example
 * ```ts
 * import fastify from 'fastify'
 *
 * const group = serviceGroup('shop').add(service('db', { start: () => console.log('open') }))
 * const app = fastify()
 * await app.register(serviceGroupPlugin, { group, healthPath: '/health' })
 * const answer = await app.inject('/health')
 * console.log(answer.statusCode, answer.body.trim()) // 200 {"status":"pass"}
 * await app.close()
 * console.log(group.status.phase) // stopped
 * ```
 */
export const serviceGroupPlugin: FastifyPluginAsync<ServiceGroupPluginOptions> = Object.assign(plugin, {
  // Its hooks are those of the whole app.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: PLUGIN.name,
})
