import { serviceGroup } from 'rx-service-group'
import { amqpConnection, amqpPublisher } from 'rx-service-group/amqp'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isRunning, last, live, queueName } from './life.ts'

describe.runIf(brokerIsOurs)('a publisher, and a broker that', () => {
  const broker = useBroker({ alone: true })
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

  const running = async () => {
    const publisher = amqpPublisher('outbox', { url: broker.url })
    const life = live(publisher)
    onTestFinished(() => life.subscription.unsubscribe())
    await life.until(isRunning)
    return { life, publish: (body: unknown) => publisher.publish(queue, body) }
  }
  const drained = async (): Promise<unknown[]> => {
    const own = await bystander(broker.url)
    const bodies: unknown[] = []
    for (let next = await own.take(queue); next; next = await own.take(queue)) bodies.push(JSON.parse(next.body))
    await own.close()
    return bodies
  }
  const codes = async (published: readonly Promise<void>[]): Promise<readonly string[]> =>
    (await Promise.allSettled(published)).map(result =>
      result.status === 'fulfilled' ? 'confirmed' : result.reason.code,
    )

  test('restarts: what is published meanwhile waits, and all of it comes, in order', async () => {
    const { life, publish } = await running()
    const published = Array.from({ length: 200 }, (_, n) => publish(n))
    await broker.faults.stop()
    const failing = await life.until(hasHealth('fail'))
    expect(failing).toMatchObject({ detail: expect.stringMatching(/^connection to .* lost/) })
    for (let n = 200; n < 300; n++) published.push(publish(n))
    life.forget()
    await broker.faults.start()
    await life.until(hasHealth('pass'))
    await Promise.all(published)
    expect([...new Set(await drained())]).toEqual(published.map((_, n) => n))
    expect(last(life).info).toMatchObject({ connection: 'connected', channel: 'open' })
  }, 60_000)

  test('is killed: all that was confirmed is there, and so is the rest', async () => {
    const { life, publish } = await running()
    const published = Array.from({ length: 500 }, (_, n) => publish(n))
    await Promise.all(published.slice(0, 100))
    await broker.faults.kill()
    await life.until(hasHealth('fail'))
    life.forget()
    await broker.faults.start()
    await life.until(hasHealth('pass'), 30_000)
    await Promise.all(published)
    expect([...new Set(await drained())]).toEqual(published.map((_, n) => n))
  }, 90_000)

  test('is blocked: it says so, what is published waits, and comes in order once it is not', async () => {
    const { life, publish } = await running()
    await publish(0)
    await broker.faults.block()
    onTestFinished(() => broker.faults.unblock())
    const published = Array.from({ length: 100 }, (_, n) => publish(n + 1))
    const blocked = await life.until(hasHealth('warn'))
    expect(blocked.detail).toMatch(/^the broker takes no messages: low on memory/)
    expect(last(life).info).toMatchObject({ connection: 'blocked', channel: 'open' })
    for (let n = 101; n < 200; n++) published.push(publish(n))
    expect(await Promise.race([...published, Promise.resolve('none is settled')])).toBe('none is settled')
    life.forget()
    await broker.faults.unblock()
    await life.until(hasHealth('pass'))
    await Promise.all(published)
    expect(await drained()).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })

  test('stays blocked: its stop ends at its deadline, rejects what is left, and says how many', async () => {
    const publisher = amqpPublisher('outbox', { url: broker.url })
    const group = serviceGroup('shop').add(publisher, { stopTimeout: 400 })
    onTestFinished(async () => void (await group.stop()))
    await group.start()
    await publisher.publish(queue, 0)
    await broker.faults.block()
    onTestFinished(() => broker.faults.unblock())
    const sent = publisher.publish(queue, 1)
    const isBlocked = () => group.status.service('shop/outbox')?.state.info?.['connection']
    await expect.poll(isBlocked).toBe('blocked')
    const outcomes = codes([sent, publisher.publish(queue, 2), publisher.publish(queue, 3)])
    const at = performance.now()
    const report = await group.stop()
    const took = performance.now() - at
    expect(took).toBeGreaterThan(390)
    expect(took).toBeLessThan(1400)
    expect(report.ok).toBe(false)
    expect(group.status.service('shop/outbox')?.state).toMatchObject({
      phase: 'stopped',
      how: 'forced',
      info: { unconfirmed: 3 },
    })
    // One was sent, of which nobody knows; the others never were.
    expect(await outcomes).toEqual(['ERR_AMQP_UNCONFIRMED', 'ERR_AMQP_CLOSED', 'ERR_AMQP_CLOSED'])
  })

  test('is blocked because of another who shares the connection: with nothing left to confirm, a stop waits for nothing', async () => {
    const connection = amqpConnection({ url: broker.url })
    const [busy, idle] = [amqpPublisher('busy', { connection }), amqpPublisher('idle', { connection })]
    const [first, second] = [live(busy), live(idle)]
    onTestFinished(() => first.subscription.unsubscribe())
    await Promise.all([first.until(isRunning), second.until(isRunning)])
    await broker.faults.block()
    onTestFinished(() => broker.faults.unblock())
    const published = busy.publish(queue, 1)
    await second.until(hasHealth('warn'))
    const at = performance.now()
    second.tell('stop')
    await second.over
    expect(performance.now() - at).toBeLessThan(500)
    expect(last(second)).toMatchObject({ how: 'stopped' })
    await broker.faults.unblock()
    await published
  })

  test('is frozen: its stop ends at its deadline, and rejects what is left', async () => {
    const publisher = amqpPublisher('outbox', { url: broker.url })
    const group = serviceGroup('shop').add(publisher, { stopTimeout: 400 })
    onTestFinished(async () => void (await group.stop()))
    await group.start()
    await publisher.publish(queue, 0)
    await broker.faults.freeze()
    onTestFinished(() => broker.faults.thaw())
    const outcomes = codes([publisher.publish(queue, 1), publisher.publish(queue, 2)])
    const at = performance.now()
    await group.stop()
    const took = performance.now() - at
    await broker.faults.thaw()
    expect(took).toBeGreaterThan(390)
    expect(took).toBeLessThan(1400)
    expect(group.status.service('shop/outbox')?.state).toMatchObject({ how: 'forced', info: { unconfirmed: 2 } })
    expect(await outcomes).toEqual(['ERR_AMQP_UNCONFIRMED', 'ERR_AMQP_UNCONFIRMED'])
  })

  test('is frozen, with nothing left to confirm: its stop needs no force', async () => {
    const { life, publish } = await running()
    await publish(0)
    await broker.faults.freeze()
    onTestFinished(() => broker.faults.thaw())
    const at = performance.now()
    life.tell('stop')
    await life.over
    const took = performance.now() - at
    await broker.faults.thaw()
    expect(took).toBeLessThan(2500)
    expect(last(life)).toMatchObject({ how: 'stopped' })
  })

  test('is away at the stop: what waits is still published, if it comes back in time', async () => {
    const { life, publish } = await running()
    await broker.faults.stop()
    await life.until(hasHealth('fail'))
    const published = [1, 2, 3].map(publish)
    life.tell('stop')
    await life.until(state => state.phase === 'stopping' && state.pending === 3)
    await broker.faults.start()
    await life.over
    await Promise.all(published)
    expect(await drained()).toEqual([1, 2, 3])
  }, 60_000)

  test('is away, for two who share a connection: each publishes its own, one goes on when the other ends', async () => {
    const connection = amqpConnection({ url: broker.url })
    const [one, two] = [amqpPublisher('one', { connection }), amqpPublisher('two', { connection })]
    const [first, second] = [live(one), live(two)]
    onTestFinished(() => first.subscription.unsubscribe())
    onTestFinished(() => second.subscription.unsubscribe())
    await Promise.all([first.until(isRunning), second.until(isRunning)])
    await broker.faults.stop()
    await Promise.all([first.until(hasHealth('fail')), second.until(hasHealth('fail'))])
    const published = [one.publish(queue, 1), two.publish(queue, 2)]
    await broker.faults.start()
    await Promise.all(published)
    first.tell('stop')
    await first.over
    await two.publish(queue, 3)
    second.tell('stop')
    await second.over
    expect((await drained()).toSorted()).toEqual([1, 2, 3])
  }, 60_000)

  test('is away, and force: it ends at once, and what waits is rejected', async () => {
    const { life, publish } = await running()
    await broker.faults.stop()
    await life.until(hasHealth('fail'))
    const outcomes = codes([publish(1)])
    life.tell('force')
    await life.over
    await broker.faults.start()
    expect(await outcomes).toEqual(['ERR_AMQP_CLOSED'])
    expect(last(life)).toMatchObject({ how: 'forced', info: { unconfirmed: 1 } })
  }, 60_000)
})
