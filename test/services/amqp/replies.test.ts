import type { ConsumeMessage } from 'amqplib'
import type { MessageContext } from 'rx-service-group/amqp'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { last, promised, queueName } from './life.ts'
import { codeOf, rpcAt, TEMPORARY } from './rpc-life.ts'

const { client, server, plainChannel, plainServer } = rpcAt(useBroker())

describe('a reply', () => {
  test('comes to a client on plain amqplib, as a direct reply and in a queue, with its correlation id', async () => {
    const { queue } = await server((n: number, { reply }) => reply(n + 1, { headers: { from: 'server' } }))
    const channel = await plainChannel()
    const own = await channel.assertQueue(queueName(), TEMPORARY)
    for (const replyTo of ['amq.rabbitmq.reply-to', own.queue]) {
      const got = promised<ConsumeMessage>()
      const { consumerTag } = await channel.consume(replyTo, message => got.resolve(message!), { noAck: true })
      channel.sendToQueue(queue, Buffer.from('41'), { replyTo, correlationId: 'mine' })
      const { content, properties } = await got.promise
      expect(content.toString()).toBe('42')
      expect(properties).toMatchObject({
        correlationId: 'mine',
        contentType: 'application/json',
        headers: { from: 'server' },
      })
      await channel.cancel(consumerTag)
    }
  })

  test('to a message that is no request is one clear error, and the message fails', async () => {
    const failed = promised<unknown>()
    const { life, queue } = await server(
      async (_: unknown, { reply }) => {
        await reply('to nobody').catch(error => {
          failed.resolve(error)
          throw error
        })
      },
      { onError: 'drop' },
    )
    const channel = await plainChannel()
    channel.sendToQueue(queue, Buffer.from('1'), { correlationId: 'x' })
    expect(await failed.promise).toMatchObject({
      code: 'ERR_AMQP_NO_REPLY_TO',
      service: 'server',
      message: 'service "server": got a message without replyTo, to which nobody can reply; reply only to requests',
    })
    await life.until(state => state.info?.['dropped'] === 1)
  })

  test('that can not be encoded, or has an unknown option, is an error, and the next one is sent', async () => {
    const { queue } = await server(async (_: unknown, { reply }) => {
      const codes = [await codeOf(reply(undefined)), await codeOf(reply(1, { persistant: true } as object))]
      await reply(codes)
    })
    const { request } = await client()
    expect(await request(queue, 1)).toEqual(['ERR_AMQP_BODY', 'ERR_INVALID_OPTION'])
  })

  test('that the broker closes the channel for is an error, and the next one is sent', async () => {
    const { queue } = await server(async (_: unknown, { reply }) => {
      await reply(await codeOf(reply('bad', { expiration: 'soon' })))
    })
    const { request } = await client()
    expect(await request(queue, 1)).toBe('ERR_AMQP_REFUSED')
  })

  test('to a client that is gone is no error, unless the reply queue has to be there', async () => {
    const outcomes = promised<unknown[]>()
    const { queue } = await server(async (_: unknown, { reply }) => {
      outcomes.resolve([await codeOf(reply(1)), await codeOf(reply(1, { mandatory: true }))])
    })
    const channel = await plainChannel()
    channel.sendToQueue(queue, Buffer.from('1'), { replyTo: 'nowhere' })
    expect(await outcomes.promise).toEqual([undefined, 'ERR_AMQP_UNROUTABLE'])
  })

  test('comes from a later attempt, when the first has failed and the client still waits', async () => {
    const { queue } = await server(
      (_: unknown, { attempt, reply }) => {
        if (attempt === 1) throw new Error('not yet')
        return reply({ attempt })
      },
      { retry: { initialDelay: 20 } },
    )
    const { request } = await client()
    expect(await request(queue, 1)).toEqual({ attempt: 2 })
  })

  test('is dropped and counted when it comes too late, and no other request gets it', async () => {
    const contexts: MessageContext[] = []
    const three = promised()
    const { queue } = await server((_: unknown, context) => {
      if (contexts.push(context) === 3) three.resolve()
      return three.promise
    })
    const { life, request } = await client()
    const controller = new AbortController()
    const aborted = codeOf(request(queue, 'aborted', { signal: controller.signal }))
    expect(await codeOf(request(queue, 'late', { timeout: 20 }))).toBe('ERR_AMQP_TIMEOUT')
    controller.abort(new Error('no interest any more'))
    expect(await aborted).toBe('no interest any more')
    const third = request(queue, 'third')
    await three.promise
    for (const [n, { reply }] of contexts.entries()) await reply(`reply ${n}`)
    expect(await third).toBe('reply 2')
    await contexts[2]!.reply('a second reply')
    await life.until(state => state.info?.['late'] === 3)
    expect(last(life).info).toMatchObject({ timedOut: 1, aborted: 1, replied: 1, late: 3 })
  })

  test('that can not be decoded is an error, and the next one is read', async () => {
    const { queue } = await plainServer(({ content }) => content.toString())
    const { request } = await client({ encode: 'text' })
    await expect(request(queue, '{')).rejects.toMatchObject({
      code: 'ERR_AMQP_BODY',
      message: expect.stringMatching(/^service "client": got a message whose body is not JSON/),
    })
    expect(await request(queue, '[1]')).toEqual([1])
  })

  test('is sent by a handler that ends while its consumer drains, though none was sent before', async () => {
    const [begun, ended] = [promised(), promised()]
    const { life, queue } = await server(async (_: unknown, { reply }) => {
      begun.resolve()
      await ended.promise
      await reply('done')
    })
    const { request } = await client()
    const requested = request(queue, 1)
    await begun.promise
    life.tell('drain')
    await life.until(state => state.phase === 'draining' && state.pending === 1)
    ended.resolve()
    expect(await requested).toBe('done')
    life.tell('stop')
    await life.over
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'stopped', info: { handled: 1 } })
  })

  test('that the handler does not wait for is sent before the consumer is gone', async () => {
    const replied = promised()
    const { life, queue } = await server((_: unknown, { reply }) => {
      for (let n = 0; n < 20; n++) void reply(n)
      replied.resolve()
    })
    const channel = await plainChannel()
    const replies = await channel.assertQueue(queueName(), TEMPORARY)
    channel.sendToQueue(queue, Buffer.from('1'), { replyTo: replies.queue })
    await replied.promise
    life.tell('stop')
    await life.over
    expect((await channel.checkQueue(replies.queue)).messageCount).toBe(20)
  })
})
