import { amqpConsumer } from 'rx-service-group/amqp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, isRunning, live, queueName } from './life.ts'

const broker = useBroker({ alone: true })
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
  if (brokerIsOurs) await broker.faults.deadLetterTimeout(1_000)
})
afterAll(async () => {
  await other?.close()
  if (brokerIsOurs) await broker.faults.deadLetterTimeout(180_000)
})

// By itself the broker offers it again only after three minutes.
test.runIf(brokerIsOurs).each(['classic', 'quorum'] as const)(
  'a retry waits while a %s queue is full and refuses it, and comes when there is room',
  async type => {
    const queue = {
      name: queueName(),
      type,
      maxLength: 1,
      arguments: { 'x-overflow': 'reject-publish' },
    }
    let isOpen = false
    const seen: string[] = []
    const consume = () =>
      live(
        amqpConsumer(
          'orders',
          { url: broker.url, queue, prefetch: 1, decode: 'text', retry: { initialDelay: 1500 } },
          body => {
            seen.push(body)
            if (!isOpen) throw new Error('no')
          },
        ),
      )
    const first = consume()
    await first.until(isRunning)
    await other.send('', queue.name, 'retried')
    await first.until(state => state.info?.['retried'] === 1)
    first.tell('stop')
    await first.over
    await other.send('', queue.name, 'fills it')
    // Its delay is over, and the queue has no room for it.
    await expect.poll(() => other.ready(`${queue.name}.retry.1500`)).toBe(0)
    // A quorum queue takes a message or two more than it should.
    if (type === 'classic') expect(await other.ready(queue.name)).toBe(1)
    isOpen = true
    const second = consume()
    await expect.poll(() => seen).toEqual(['retried', 'fills it', 'retried'])
    second.tell('stop')
    await second.over
  },
  30_000,
)

test.runIf(brokerIsOurs)(
  'so much is true of this broker: a classic delay queue loses a message into a full queue',
  async () => {
    const [queue, delay] = [queueName(), queueName()]
    const channel = await other.connection.createConfirmChannel()
    await channel.assertQueue(queue, {
      maxLength: 1,
      arguments: { 'x-overflow': 'reject-publish', 'x-queue-type': 'classic' },
    })
    const back = { messageTtl: 20, deadLetterExchange: '', deadLetterRoutingKey: queue }
    await channel.assertQueue(delay, { ...back, arguments: { 'x-queue-type': 'classic' } })
    channel.sendToQueue(queue, Buffer.from('fills it'))
    channel.sendToQueue(delay, Buffer.from('lost'))
    await channel.waitForConfirms()
    await expect.poll(() => other.ready(delay)).toBe(0)
    expect(await other.take(queue)).toMatchObject({ body: 'fills it' })
    expect(await other.take(queue)).toBe(undefined)
  },
)
