import { amqpPublisher } from 'rx-service-group/amqp'
import { serviceConformance } from 'rx-service-group/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, queueName } from './life.ts'

const broker = useBroker()
const queue = queueName()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
  await other.declare(queue)
})
afterAll(() => other?.close())

// It takes no part in draining, so that there is no work to be finished there.
describe('the publisher is like any other service', () => {
  let latest: { publish(queue: string, body: unknown): Promise<void> } | undefined
  const create = (url = broker.url) => {
    const publisher = amqpPublisher('outbox', { url })
    latest = publisher
    return publisher
  }
  const checks = serviceConformance({
    create,
    use: async () => latest!.publish(queue, 'a message'),
    broken: () => create(broker.url.replace(/:[^:@]*@/, ':wrong@')),
  })
  for (const { name, run } of checks) test(name, run)
})
