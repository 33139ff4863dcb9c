/**
 * Sentry in a group: an observer that is flushed last. Sentry hears uncaught errors, and `run` ends the process for
 * them: each is told once, and the shutdown is graceful.
 *
 *   node --import tsx demos/recipes/sentry.ts      (SENTRY_DSN, PORT=8080), then curl localhost:8080/oops
 *
 * Beside other handlers Sentry does not end the process for an uncaught exception. For an unhandled rejection it would
 * print a warning of its own, hence `mode: 'none'`. What a service fails with, and each piece of work that fails, is in
 * `events$`.
 */
import * as Sentry from '@sentry/node'
import { type ErrorInfo, run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

Sentry.init({
  ...(process.env['SENTRY_DSN'] && { dsn: process.env['SENTRY_DSN'] }),
  integrations: [Sentry.onUnhandledRejectionIntegration({ mode: 'none' })],
})

const group = serviceGroup('shop')
  .add(service('sentry', { stop: () => Sentry.close(5_000) }), { observer: true })
  .add(
    http(
      'api',
      (request, response) => {
        if (request.url === '/oops') void Promise.reject(new Error('nobody caught it'))
        response.end('hello')
      },
      { port: Number(process.env['PORT'] ?? 8080), host: '127.0.0.1' },
    ),
  )

/** Sentry wants an Error; events are plain data. */
const report = (service: string, error: ErrorInfo) =>
  Sentry.captureException(Object.assign(new Error(error.message), error), { tags: { service } })

group.events$.subscribe(event => {
  if (event.kind === 'failure') report(event.path, event.error)
  // The group fails because one of its services did.
  if (event.kind === 'transition' && event.state.phase === 'failed' && event.path !== group.name)
    report(event.path, event.state.error)
})

log(group)
await run(group)
