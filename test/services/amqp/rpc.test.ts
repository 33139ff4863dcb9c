import { getEventListeners } from 'node:events'
import type { ConsumeMessage } from 'amqplib'
import { amqpConsumer, amqpMessages, amqpRpc, type MessageContext } from 'rx-service-group/amqp'
import { mergeMap } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { isPhase, last, live, promised, queueName } from './life.ts'
import { codeOf, rpcAt, running, TEMPORARY } from './rpc-life.ts'

const broker = useBroker()
const { client, server, plainChannel, plainServer } = rpcAt(broker)

describe('a request', () => {
  test('gets the reply of a consumer', async () => {
    const { queue } = await server(({ item }: { item: string }, { reply }) => reply({ item, price: 9.5 }))
    const { request } = await client()
    expect(await request<{ price: number }>(queue, { item: 'lamp' })).toEqual({ item: 'lamp', price: 9.5 })
  })

  test('gets its own reply among hundreds that come in another order', async () => {
    const { queue } = await server(
      async (n: number, { reply }) => {
        await new Promise(resolve => setTimeout(resolve, n % 7))
        await reply(n * n)
      },
      { prefetch: 500 },
    )
    const { life, request } = await client()
    const all = Array.from({ length: 500 }, (_, n) => n)
    expect(await Promise.all(all.map(n => request(queue, n)))).toEqual(all.map(n => n * n))
    await life.until(state => state.info?.['replied'] === 500 && state.info['pending'] === 0)
  })

  test('gets the reply of a pipeline of messages', async () => {
    const queue = queueName()
    const options = { url: broker.url, queue: { name: queue, ...TEMPORARY } }
    await running(
      live(
        amqpMessages('server', options, messages$ =>
          messages$.pipe(
            mergeMap(async message => {
              await message.reply({ got: message.body })
              return message
            }),
          ),
        ),
      ),
    )
    const { request } = await client()
    expect(await request(queue, 'this')).toEqual({ got: 'this' })
  })

  test('gets the reply of a server on plain amqplib', async () => {
    const seen = promised<ConsumeMessage>()
    const { queue } = await plainServer(message => {
      seen.resolve(message)
      return JSON.stringify({ echo: JSON.parse(message.content.toString()) })
    })
    const { request } = await client({ timeout: 5_000 })
    expect(await request(queue, [1, 2], { headers: { tenant: 7 }, type: 'sum' })).toEqual({ echo: [1, 2] })
    const { properties } = await seen.promise
    expect(properties).toMatchObject({
      replyTo: expect.stringMatching(/^amq\.rabbitmq\.reply-to\./),
      correlationId: properties.messageId,
      contentType: 'application/json',
      deliveryMode: 1,
      expiration: '5000',
      headers: { tenant: 7 },
      type: 'sum',
    })
  })

  test('goes through an exchange, and comes and goes as text, as bytes, or as functions say', async () => {
    const exchange = { name: queueName(), type: 'topic', autoDelete: true, durable: false } as const
    const { queue } = await server(
      (body: string, { reply, message }) => reply(`${message.fields.routingKey} ${body}`),
      {
        exchanges: [exchange],
        bindings: [{ exchange: exchange.name, pattern: 'price.*' }],
        decode: 'text',
        encode: 'text',
      },
    )
    const text = await client({ exchange, encode: 'text', decode: 'text' })
    expect(await text.request('price.lamp', 'grüß')).toBe('price.lamp grüß')
    const bytes = await client({ encode: 'buffer', decode: 'buffer' })
    expect(await bytes.request(queue, Buffer.from('x'))).toEqual(Buffer.from(`${queue} x`))
    const own = amqpRpc('client', {
      url: broker.url,
      encode: (n: number) => Buffer.from(`#${n}`),
      decode: (content: Buffer) => content.toString().split(' ').at(-1)!.length,
    })
    await running(live(own))
    const length: number = await own.request(queue, 123)
    expect(length).toBe(4)
  })

  test('may wait without a limit, and then does not expire', async () => {
    const seen = promised<unknown>()
    const { queue } = await plainServer(({ properties }) => {
      seen.resolve(properties.expiration)
      return '1'
    })
    const { request } = await client({ timeout: Number.POSITIVE_INFINITY })
    expect(await request(queue, 1)).toBe(1)
    expect(await seen.promise).toBe(undefined)
  })
})

describe('a request rejects', () => {
  test('at once when no queue is there for it', async () => {
    const exchange = { name: queueName(), type: 'topic', autoDelete: true, durable: false } as const
    const { life, request } = await client()
    const other = await client({ exchange })
    await expect(request('nowhere', 1)).rejects.toMatchObject({
      code: 'ERR_AMQP_UNROUTABLE',
      message:
        'service "client": sent a request to queue "nowhere", which is not there; start the service that replies first',
    })
    await expect(other.request('nobody', 1)).rejects.toMatchObject({
      code: 'ERR_AMQP_UNROUTABLE',
      message: expect.stringMatching(/with routing key "nobody" to exchange/),
    })
    await life.until(state => state.info?.['unroutable'] === 1 && state.info['pending'] === 0)
  })

  test('at once when the queue is full and rejects', async () => {
    const channel = await plainChannel()
    const { queue } = await channel.assertQueue('', {
      exclusive: true,
      maxLength: 1,
      arguments: { 'x-overflow': 'reject-publish' },
    })
    channel.sendToQueue(queue, Buffer.from('full'))
    await channel.checkQueue(queue)
    const { request } = await client()
    expect(await codeOf(request(queue, 1))).toBe('ERR_AMQP_NACKED')
  })

  test('when no reply comes in time, and says that it may have been done', async () => {
    const { queue } = await plainServer(() => undefined)
    const { life, request } = await client({ timeout: 50 })
    const at = performance.now()
    await expect(request(queue, 1)).rejects.toMatchObject({
      code: 'ERR_AMQP_TIMEOUT',
      service: 'client',
      message: `service "client": got no reply within 50 ms to a request with routing key "${queue}": it may have been done, or not`,
    })
    expect(performance.now() - at).toBeGreaterThan(45)
    await life.until(state => state.info?.['timedOut'] === 1 && state.info['pending'] === 0)
    await expect(request(queue, 1, { timeout: 20 })).rejects.toThrow('within 20 ms')
  })

  test('when the handler fails and its message is parked', async () => {
    const { life, queue } = await server(
      () => {
        throw new Error('no')
      },
      { onError: 'drop' },
    )
    const { request } = await client()
    expect(await codeOf(request(queue, 1, { timeout: 200 }))).toBe('ERR_AMQP_TIMEOUT')
    await life.until(state => state.info?.['dropped'] === 1)
  })

  test('and is not handled any more, when it has waited in the queue until its timeout', async () => {
    const channel = await plainChannel()
    const { queue } = await channel.assertQueue(queueName(), TEMPORARY)
    const { request } = await client()
    expect(await codeOf(request(queue, 1, { timeout: 50 }))).toBe('ERR_AMQP_TIMEOUT')
    await expect.poll(async () => (await channel.checkQueue(queue)).messageCount).toBe(0)
  })

  test('with the reason of its signal, also before it is sent', async () => {
    const { channel, queue } = await plainServer(() => undefined)
    const { request } = await client()
    const reason = new Error('the user has left')
    await expect(request(queue, 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const requested = request(queue, 2, { signal: controller.signal })
    controller.abort(reason)
    await expect(requested).rejects.toBe(reason)
    await expect(request(queue, 3, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ name: 'TimeoutError' })
    await channel.checkQueue(queue)
  })

  test('together with all others of its signal, at which there is one listener', async () => {
    const { queue } = await plainServer(() => undefined)
    const { request } = await client()
    const controller = new AbortController()
    const { signal } = controller
    const requests = Promise.all(Array.from({ length: 20 }, (_, n) => codeOf(request(queue, n, { signal }))))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    controller.abort(new Error('all of them'))
    expect(await requests).toEqual(Array.from({ length: 20 }, () => 'all of them'))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('or is replied to, and leaves no listener at its signal', async () => {
    const { queue } = await server((n: number, { reply }) => reply(n))
    const { request } = await client()
    const { signal } = new AbortController()
    expect(await Promise.all([1, 2].map(n => request(queue, n, { signal })))).toEqual([1, 2])
    expect(await codeOf(request('nowhere', 1, { signal }))).toBe('ERR_AMQP_UNROUTABLE')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('when too many wait already', async () => {
    const { queue } = await plainServer(() => undefined)
    const { life, request } = await client({ maxPending: 2, timeout: 100 })
    const outcomes = await Promise.all([1, 2, 3].map(n => codeOf(request(queue, n))))
    expect(outcomes).toEqual(['ERR_AMQP_TIMEOUT', 'ERR_AMQP_TIMEOUT', 'ERR_AMQP_BUFFER_FULL'])
    await life.until(state => state.info?.['overflowed'] === 1)
    await expect(request('nowhere', 'there is room again')).rejects.toMatchObject({ code: 'ERR_AMQP_UNROUTABLE' })
  })

  test('when it can not be encoded or has a wrong option, before it is sent', async () => {
    const { request } = await client()
    expect(await codeOf(request('q', undefined))).toBe('ERR_AMQP_BODY')
    const wrong = (options: object) => request('q', 1, options)
    await expect(wrong({ timeOut: 5 })).rejects.toThrow(
      'service "client": unknown option timeOut; did you mean timeout?',
    )
    await expect(wrong({ replyTo: 'x' })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
    await expect(wrong({ mandatory: false })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
    await expect(wrong({ timeout: '5s' })).rejects.toMatchObject({ code: 'ERR_INVALID_DURATION' })
    await expect(wrong({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_INVALID_DURATION' })
    await expect(wrong({ signal: 5 })).rejects.toThrow('signal must be an AbortSignal, got 5')
    await expect(request('q', 1, { expiration: 'soon' })).rejects.toMatchObject({ code: 'ERR_AMQP_REFUSED' })
  })
})

describe('the life of a client', () => {
  test('before its start and after its stop it sends nothing, and says so', async () => {
    const { queue } = await server((_: unknown, { reply }) => reply(1))
    const rpc = amqpRpc('client', { url: broker.url })
    expect(await codeOf(rpc.request(queue, 1))).toBe('ERR_AMQP_CLOSED')
    const life = await running(live(rpc))
    expect(await rpc.request(queue, 1)).toBe(1)
    life.tell('stop')
    expect(await codeOf(rpc.request(queue, 1))).toBe('ERR_AMQP_CLOSED')
    await life.over
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'stopped', info: { replied: 1 } })
  })

  test('draining it takes requests, and has drained when none waits; at its stop it waits for the replies', async () => {
    const contexts: MessageContext[] = []
    const begun = [promised(), promised()]
    const ended = [promised(), promised()]
    const { queue } = await server(async (n: number, context) => {
      contexts[n] = context
      begun[n]?.resolve()
      await ended[n]?.promise
      await context.reply(n)
    })
    const { life, request } = await client()
    const first = request(queue, 0)
    await begun[0]!.promise
    life.tell('drain')
    await life.until(state => state.phase === 'draining' && state.pending === 1)
    const second = request(queue, 1)
    await begun[1]!.promise
    ended[0]!.resolve()
    expect(await first).toBe(0)
    expect(life.states.some(isPhase('drained'))).toBe(false)
    life.tell('stop')
    await life.until(state => state.phase === 'stopping' && state.pending === 1)
    ended[1]!.resolve()
    expect(await second).toBe(1)
    await life.over
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'stopped' })
  })

  test('forced, it rejects what waits, and tells how many that is', async () => {
    const { queue } = await plainServer(() => undefined)
    const { life, request } = await client()
    const outcomes = Promise.all([1, 2].map(n => codeOf(request(queue, n))))
    life.tell('stop')
    await life.until(state => state.phase === 'stopping' && state.pending === 2)
    life.tell('force')
    await life.over
    expect(await outcomes).toEqual(['ERR_AMQP_REPLY_LOST', 'ERR_AMQP_REPLY_LOST'])
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'forced', info: { unanswered: 2 } })
  })

  test('a wrong password, a missing exchange and wrong options are told', async () => {
    const wrong = live(amqpRpc('client', { url: broker.url.replace(/:[^:@]*@/, ':wrong@') }))
    await expect(wrong.over).rejects.toMatchObject({ code: 'ERR_AMQP_CREDENTIALS', service: 'client' })
    const missing = live(amqpRpc('client', { url: broker.url, exchange: 'nowhere' }))
    await expect(missing.over).rejects.toMatchObject({ code: 'ERR_AMQP_EXCHANGE', service: 'client' })
    const make = (options: object) => () => amqpRpc('client', { url: broker.url, ...options })
    expect(make({ mandatory: false })).toThrow('service "client": unknown option mandatory')
    expect(make({ timeOut: 5 })).toThrow('service "client": unknown option timeOut; did you mean timeout?')
    expect(make({ timeout: -1 })).toThrow('timeout must be a number of milliseconds > 0, got -1')
    expect(make({ decode: 'xml' })).toThrow('decode must be "json", "text", "buffer" or a function, got "xml"')
    const serve = (options: object) => () =>
      amqpConsumer('server', { url: broker.url, queue: 'q', ...options }, () => undefined)
    expect(serve({ encode: 'xml' })).toThrow('encode must be "json", "text", "buffer" or a function, got "xml"')
  })
})
