import { amqpConnection, amqpConsumer, amqpRpc, type MessageContext } from 'rx-service-group/amqp'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isRunning, last, live, promised, queueName } from './life.ts'
import { codeOf, rpcAt } from './rpc-life.ts'

describe.runIf(brokerIsOurs)('requests, and a broker that', () => {
  const broker = useBroker({ alone: true })
  const { client } = rpcAt(broker)
  let queue: string
  let other: Bystander
  beforeEach(async () => {
    queue = queueName()
    other = await bystander(broker.url)
    await other.declare(queue)
  })
  afterEach(async () => {
    await other.close()
    other = await bystander(broker.url)
    await other.deleteQueue(queue)
    await other.close()
  })

  /** A consumer that holds the message `'hold'` until the test replies, and echoes the others. */
  const echo = async () => {
    const held = promised<MessageContext>()
    const released = promised()
    const life = live(
      amqpConsumer('server', { url: broker.url, queue }, (body: string, context) => {
        if (body !== 'hold') return context.reply(body)
        held.resolve(context)
        return released.promise
      }),
    )
    onTestFinished(() => life.subscription.unsubscribe())
    await life.until(isRunning)
    return { life, held: held.promise, release: released.resolve }
  }

  test('closes the connections: what was sent is rejected at once, what comes meanwhile waits, and is replied to', async () => {
    const server = await echo()
    const { life, request } = await client()
    const sent = request(queue, 'hold')
    const rejected = expect(sent).rejects.toMatchObject({
      code: 'ERR_AMQP_REPLY_LOST',
      service: 'client',
      message: `service "client": lost its channel before the reply to a request with routing key "${queue}" came: it may have been done, or not`,
    })
    await server.held
    life.forget()
    await broker.faults.closeAllConnections()
    await rejected
    await life.until(hasHealth('fail'))
    const waiting = request(queue, 'meanwhile')
    server.release()
    await life.until(hasHealth('pass'))
    expect(await waiting).toBe('meanwhile')
    expect(await request(queue, 'again')).toBe('again')
    await life.until(state => state.info?.['lost'] === 1 && state.info['replied'] === 2)
  }, 20_000)

  test('closes the channel for one request: the others are rejected, and the next one is sent', async () => {
    const server = await echo()
    const { life, request } = await client()
    const held = codeOf(request(queue, 'hold'))
    await server.held
    expect(await codeOf(request(queue, 'bad', { expiration: 'soon' }))).toBe('ERR_AMQP_REFUSED')
    expect(await held).toBe('ERR_AMQP_REPLY_LOST')
    // Which of several it was the broker does not say.
    const several = await Promise.all(
      ['soon', '1000', 'soon'].map(expiration => codeOf(request(queue, 'x', { expiration }))),
    )
    expect(several).toEqual(['ERR_AMQP_REPLY_LOST', 'ERR_AMQP_REPLY_LOST', 'ERR_AMQP_REPLY_LOST'])
    expect(await request(queue, 'good')).toBe('good')
    expect(life.states.filter(hasHealth('fail'))).toEqual([])
    server.release()
  })

  test('is killed and comes back: what was sent is rejected, and requests are replied to again', async () => {
    await echo()
    const { life, request } = await client()
    expect(await request(queue, 'before')).toBe('before')
    await broker.faults.kill()
    await life.until(hasHealth('fail'))
    const waiting = request(queue, 'meanwhile', { timeout: 60_000 })
    expect(await codeOf(request(queue, 'too short', { timeout: 50 }))).toBe('ERR_AMQP_NOT_SENT')
    life.forget()
    await broker.faults.start()
    await life.until(hasHealth('pass'), 30_000)
    expect(await waiting).toBe('meanwhile')
  }, 90_000)

  test('is blocked: a request says whether it was sent, and one that waits long enough is replied to', async () => {
    await echo()
    const { life, request } = await client()
    await broker.faults.block()
    onTestFinished(() => broker.faults.unblock())
    const sent = codeOf(request(queue, 'sent', { timeout: 1_000 }))
    await life.until(hasHealth('warn'))
    await expect(request(queue, 'not sent', { timeout: 50 })).rejects.toMatchObject({
      code: 'ERR_AMQP_NOT_SENT',
      message: `service "client": could not send a request with routing key "${queue}" within 50 ms: the broker was away or blocked; it was never sent, so that it may be sent again`,
    })
    const controller = new AbortController()
    const aborted = codeOf(request(queue, 'aborted', { signal: controller.signal }))
    controller.abort(new Error('no interest'))
    expect(await aborted).toBe('no interest')
    const waiting = request(queue, 'waiting')
    expect(await sent).toBe('ERR_AMQP_TIMEOUT')
    await broker.faults.unblock()
    expect(await waiting).toBe('waiting')
    // The one that was sent is replied to late; those that were not sent are not sent any more.
    await life.until(state => state.info?.['late'] === 1)
    expect(await other.ready(queue)).toBe(0)
    expect(last(life).info).toMatchObject({ replied: 1, late: 1, timedOut: 2, aborted: 1 })
  }, 20_000)

  test('is blocked when a handler replies: the reply waits, and comes once it is not', async () => {
    const server = await echo()
    const { request } = await client()
    const requested = request(queue, 'hold')
    const { reply } = await server.held
    await broker.faults.block()
    onTestFinished(() => broker.faults.unblock())
    const replied = reply('first')
    const warned = await server.life.until(hasHealth('warn'))
    expect(warned.detail).toMatch(/^replies wait: the broker is blocked: low on memory/)
    const second = reply('second')
    expect(await Promise.race([replied, second, new Promise(resolve => setTimeout(resolve, 100, 'waits'))])).toBe(
      'waits',
    )
    server.life.forget()
    await broker.faults.unblock()
    await Promise.all([replied, second])
    await server.life.until(hasHealth('pass'))
    expect(await requested).toBe('first')
    server.release()
  })

  test('closes the connection of a reply on its way: it is sent again, and the message is not handled twice', async () => {
    // The client is on plain amqplib, in a virtual host whose connections are closed: it has a queue for its replies.
    const server = await echo()
    const replies = queueName()
    await other.declare(replies)
    await other.send('', queue, '"hold"', { replyTo: replies, correlationId: 'mine' })
    const { reply } = await server.held
    await reply('the line is open')
    const replied = reply('the reply')
    await broker.faults.closeAllConnections()
    await replied
    await other.close()
    other = await bystander(broker.url)
    const bodies = [(await other.next(replies)).content.toString(), (await other.next(replies)).content.toString()]
    expect(bodies).toEqual(['"the line is open"', '"the reply"'])
    await other.deleteQueue(replies)
    server.release()
  })

  test('is frozen: requests time out, and forced the client is gone at once', async () => {
    const { life, request } = await client()
    await broker.faults.freeze()
    const outcomes = Promise.all([50, 60_000].map(timeout => codeOf(request(queue, 1, { timeout }))))
    await life.until(state => state.info?.['timedOut'] === 1)
    life.tell('stop')
    life.tell('force')
    await life.over
    await broker.faults.thaw()
    expect(await outcomes).toEqual(['ERR_AMQP_TIMEOUT', 'ERR_AMQP_REPLY_LOST'])
  })

  test('is away at a stop that is forced: what was never sent says so', async () => {
    const { life, request } = await client()
    await broker.faults.kill()
    await life.until(hasHealth('fail'))
    const outcome = codeOf(request(queue, 1))
    life.tell('stop')
    life.tell('force')
    await life.over
    expect(await outcome).toBe('ERR_AMQP_NOT_SENT')
    await broker.faults.start()
  }, 60_000)

  test('has one connection for a client and a server: they reply to each other, and to themselves', async () => {
    const connection = amqpConnection({ url: broker.url })
    const rpc = amqpRpc('client', { connection })
    const inner = queueName()
    const lives = [
      live(rpc),
      live(amqpConsumer('inner', { connection, queue: inner }, (n: number, { reply }) => reply(n * 2))),
      live(
        amqpConsumer('outer', { connection, queue }, async (n: number, { reply }) =>
          reply(await rpc.request<number>(inner, n + 1)),
        ),
      ),
    ]
    await Promise.all(lives.map(life => life.until(isRunning)))
    const all = Array.from({ length: 100 }, (_, n) => n)
    expect(await Promise.all(all.map(n => rpc.request(queue, n)))).toEqual(all.map(n => (n + 1) * 2))
    for (const life of lives) life.tell('stop')
    await Promise.all(lives.map(({ over }) => over))
    await other.deleteQueue(inner)
  })
})
