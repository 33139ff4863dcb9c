import express from 'express'
import { run, service, serviceGroup } from 'rx-service-group'
import { amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { dashboard } from 'rx-service-group/dashboard'
import { grpc } from 'rx-service-group/grpc'
import { http } from 'rx-service-group/http'
import { metrics } from 'rx-service-group/metrics'
import { otel } from 'rx-service-group/otel'
import { probes } from 'rx-service-group/probes'
import { schedule } from 'rx-service-group/schedule'
import { terminal } from 'rx-service-group/terminal'

// Only compiled: with the declarations of all packages checked, too.
const outbox = amqpPublisher('outbox', { url: 'amqp://rabbit' })
const group = serviceGroup('shop').add(service('db', {})).add(outbox)
group.add(http('web', express().use(probes(group)).use('/admin', dashboard(group))))
group.add(
  amqpConsumer('orders', { url: 'amqp://rabbit', queue: 'orders' }, (order: { id: number }, { message }) =>
    outbox.publish(message.fields.routingKey, order.id),
  ),
)
group.add(grpc('rpc', server => server.addService({}, {})))
group.add(schedule('nightly', '0 3 * * *', ({ signal }) => console.log(signal.aborted)))
metrics(group)
otel(group)
terminal(group)
await run(group)
