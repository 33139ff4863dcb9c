import { randomUUID } from 'node:crypto'
import { type ChannelModel, connect as connectAmqplib } from 'amqplib'
import type { Service } from 'rx-service-group'
import { type AmqpConnect, amqpConsumer, amqpPublisher, type QueueOptions } from 'rx-service-group/amqp'
import { describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { bystander, isRunning, type Life, live, queueName } from './life.ts'
import { operator, urlFor } from './operator.ts'

describe.runIf(brokerIsOurs)('a start that the broker refuses', () => {
  const broker = useBroker()
  const admin = operator(broker)
  const ignore = () => undefined
  /** Counts what is tried: connections, and channels on them. */
  const counting = () => {
    const tries = { count: 0 }
    const connect = async (url: string, options: object): Promise<ChannelModel> => {
      tries.count++
      const model = await connectAmqplib(url, options)
      const createChannel = model.createChannel.bind(model)
      model.createChannel = () => {
        tries.count++
        return createChannel()
      }
      return model
    }
    return { tries, connect }
  }
  interface Trying {
    readonly life: Life
    readonly tries: { readonly count: number }
  }
  const trying = (make: (connect: AmqpConnect) => Service): Trying => {
    const { tries, connect } = counting()
    const life = live(make(connect))
    onTestFinished(() => life.subscription.unsubscribe())
    return { life, tries }
  }
  const consumer = (url: string, queue = { name: queueName(), exclusive: true } as QueueOptions) =>
    trying(connect => amqpConsumer('orders', { url, queue, connect }, ignore))
  const publisher = (url: string) => trying(connect => amqpPublisher('outbox', { url, connect }))
  const triedOften = ({ tries }: Trying) => expect.poll(() => tries.count).toBeGreaterThan(3)
  /** The error of a start that has tried several times and is then out of time. */
  const outOfTime = async (one: Trying): Promise<unknown> => {
    await triedOften(one)
    const { life } = one
    expect(life.states.at(-1)).toMatchObject({ phase: 'starting' })
    life.tell('stop', { by: 'failure', service: 'orders', error: { name: 'Error', message: 'start timed out' } })
    return life.over.catch(error => error)
  }
  const aUser = async () => {
    const user = await admin.addUser('a-password')
    onTestFinished(() => admin.deleteUser(user).catch(ignore))
    return user
  }

  test('for too many connections to the virtual host is tried again, and told in its words', async () => {
    await admin.limitConnections(0)
    onTestFinished(() => admin.limitConnections(undefined))
    for (const make of [consumer, publisher])
      expect(await outOfTime(make(broker.url))).toMatchObject({
        code: 'ERR_AMQP_VHOST',
        message: expect.stringContaining(`refused for user 'guest': connection limit (0) is reached`),
      })
    const one = consumer(broker.url)
    await triedOften(one)
    await admin.limitConnections(undefined)
    await one.life.until(isRunning)
  })

  test('for too many connections of the user is tried again, and told in its words', async () => {
    const user = await aUser()
    await admin.limitUser(user, 0)
    expect(await outOfTime(consumer(urlFor(broker.url, user)))).toMatchObject({
      code: 'ERR_AMQP_UNREACHABLE',
      message: expect.stringMatching(/refused the connection: .*user connection limit \(0\) is reached$/),
    })
  })

  test('for a virtual host that is not there is tried again, until it is', async () => {
    const vhost = `later-${randomUUID()}`
    const user = await aUser()
    const url = new URL(urlFor(broker.url, user))
    url.pathname = vhost
    const error = await outOfTime(consumer(url.href))
    expect(error).toMatchObject({
      code: 'ERR_AMQP_VHOST',
      message: `service "orders": the broker at ${url.host} refused virtual host "${vhost}" for user "${user.name}": NOT_ALLOWED - vhost ${vhost} not found`,
    })
    const both = [consumer(url.href), publisher(url.href)]
    for (const one of both) await triedOften(one)
    await admin.addVhost(vhost, user)
    onTestFinished(() => admin.deleteVhost(vhost))
    for (const { life } of both) await life.until(isRunning)
  })

  test('for a virtual host that the user may not use is told in its words', async () => {
    const user = await aUser()
    const [vhost, other] = [`closed-${randomUUID()}`, await aUser()]
    await admin.addVhost(vhost, other)
    onTestFinished(() => admin.deleteVhost(vhost))
    const url = new URL(urlFor(broker.url, user))
    url.pathname = vhost
    expect(await outOfTime(consumer(url.href))).toMatchObject({
      code: 'ERR_AMQP_VHOST',
      message: expect.stringContaining(`NOT_ALLOWED - access to vhost '${vhost}' refused for user '${user.name}'`),
    })
  })

  test('for a queue that another connection has locked is tried again, until it is free', async () => {
    const name = queueName()
    const other = await bystander(broker.url)
    const channel = await other.connection.createChannel()
    await channel.assertQueue(name, { exclusive: true, durable: true })
    const queue = { name, exclusive: true }
    expect(await outOfTime(consumer(broker.url, queue))).toMatchObject({
      code: 'ERR_AMQP_QUEUE',
      message: expect.stringContaining(`RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '${name}'`),
    })
    const one = consumer(broker.url, queue)
    await triedOften(one)
    await other.close()
    await one.life.until(isRunning)
  })

  test('for a queue that another consumer has for itself is tried again, until it is free', async () => {
    const name = queueName()
    const other = await bystander(broker.url)
    const channel = await other.connection.createChannel()
    await channel.assertQueue(name, { autoDelete: true })
    await channel.consume(name, ignore, { exclusive: true })
    const queue = { name, autoDelete: true }
    expect(await outOfTime(consumer(broker.url, queue))).toMatchObject({
      code: 'ERR_AMQP_QUEUE',
      message: expect.stringContaining('in exclusive use'),
    })
    const one = consumer(broker.url, queue)
    await triedOften(one)
    await other.close()
    await one.life.until(isRunning)
  })

  test('for a queue that is deleted after the service declared it is tried again', async () => {
    const name = queueName()
    const other = await bystander(broker.url)
    const channel = await other.connection.createChannel()
    let deleted = 0
    const { tries, connect } = counting()
    const deleting = async (url: string, options: object): Promise<ChannelModel> => {
      const model = await connect(url, options)
      const createChannel = model.createChannel.bind(model)
      model.createChannel = async () => {
        const own = await createChannel()
        const consume = own.consume.bind(own)
        own.consume = async (...args) => {
          if (deleted++ < 2) await channel.deleteQueue(name)
          return consume(...args)
        }
        return own
      }
      return model
    }
    const life = live(amqpConsumer('orders', { url: broker.url, queue: { name }, connect: deleting }, ignore))
    onTestFinished(() => life.subscription.unsubscribe())
    await life.until(isRunning)
    expect({ deleted, channels: tries.count - 1 }).toEqual({ deleted: 3, channels: 3 })
    await channel.deleteQueue(name)
    await other.close()
  })
})
