import express from 'express'
import { Registry } from 'prom-client'
import {
  type ErrorCode,
  fromObservable,
  type GroupEvent,
  type GroupStatus,
  job,
  type Report,
  run,
  type Service,
  ServiceError,
  type ServiceGroup,
  type ServiceState,
  service,
  serviceGroup,
  signals,
  task,
} from 'rx-service-group'
import { amqpConnection, amqpConsumer } from 'rx-service-group/amqp'
import { childProcess } from 'rx-service-group/child-process'
import { dashboard } from 'rx-service-group/dashboard'
import { eventLoopDelay } from 'rx-service-group/event-loop'
import { grpc } from 'rx-service-group/grpc'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { memoryUse } from 'rx-service-group/memory'
import { metrics } from 'rx-service-group/metrics'
import { otel } from 'rx-service-group/otel'
import { probes } from 'rx-service-group/probes'
import { schedule } from 'rx-service-group/schedule'
import { terminal } from 'rx-service-group/terminal'
import { fakeService, serviceConformance, virtualTime } from 'rx-service-group/testing'
import { worker } from 'rx-service-group/worker'
import { interval, type Observable } from 'rxjs'

const connection = amqpConnection({ url: 'amqp://localhost' })
const app = express()

export const group = serviceGroup('shop')
  .add(service('db', { start: async ({ signal, info }) => (signal.aborted ? undefined : info({ rows: 1 })) }))
  .add(
    job('migrate', async () => 1),
    { dependsOn: ['db'], startTimeout: 60_000 },
  )
  .add(
    task('loop', () => interval(1_000)),
    { restart: { policy: 'permanent', maxRestarts: 3 }, optional: true },
  )
  .add(fromObservable('clock', interval(1_000)), { onEnd: 'restart' })
  .add(http('api', app, { port: 0 }), { healthCheck: { check: () => true, interval: 1_000 } })
  .add(amqpConsumer('orders', { connection, queue: 'orders', prefetch: 5 }, async message => void message))
  .add(grpc('rpc', () => {}, { port: 0 }))
  .add(schedule('nightly', '0 3 * * *', async ({ signal }) => void signal.aborted))
  .add(worker('resizer', './resizer.js'))
  .add(childProcess('child', 'node', ['child.js']))
  .add(eventLoopDelay('event-loop', { warn: 50 }), { observer: true })
  .add(memoryUse('memory', { warn: 0.7 }), { observer: true })
  .add(serviceGroup('workers').add(fakeService('mailer', { clock: virtualTime() })))

app.use(probes(group)).use('/admin', dashboard(group, { maxClients: 5 }))
metrics(group, { registry: new Registry() })
otel(group)
log(group, { format: 'json' })
terminal(group)

export const status$: Observable<GroupStatus> = group.status$
export const events$: Observable<GroupEvent> = group.events$
export const checks = serviceConformance({ create: () => service('db', {}) }).map(({ name }) => name)
export const stopped = signals('SIGTERM')

/** Takes any group, as code that many programs share does. */
export const whole = async (any: ServiceGroup<string, never>): Promise<Report> => {
  await any.start()
  const { report } = any
  for (const { path, outcome } of report.services) console.log(path, outcome)
  return any.stop('done')
}

const described = (state: ServiceState): string => {
  switch (state.phase) {
    case 'running':
      return state.health
    case 'failed':
      return state.error.message
    case 'waiting':
      return state.for.join()
    default:
      return state.phase
  }
}

export const told: string[] = group.status.list.map(({ state }) => described(state))

export const codeOf = (error: unknown): ErrorCode | undefined =>
  error instanceof ServiceError ? error.code : undefined

export const own: Service<'own'> = {
  name: 'own',
  lifecycle: shutdown$ => fromObservable('own', shutdown$).lifecycle(shutdown$),
}

/** A name that was never added, and a value that is no duration, are errors. */
export const refused = (): void => {
  // @ts-expect-error
  group.add(service('late', {}), { startTimeout: '5s' })
  // @ts-expect-error
  group.add({ begin: () => {} })
}

export const main = (): Promise<Report> => run(group, { watchdog: true, drainDelay: 100 })
