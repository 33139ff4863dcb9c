import type { ServiceState } from 'rx-service-group'
import { type AmqpCredentials, amqpConnection, amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { hasHealth, hasInfo, isRunning, type Life, last, live, queueName } from './life.ts'
import { operator, type User, urlFor } from './operator.ts'

describe.runIf(brokerIsOurs)('a login', () => {
  const broker = useBroker()
  const admin = operator(broker)
  const ignore = () => undefined
  const isRefused = (state: ServiceState) => hasHealth('fail')(state) && /refused it/.test(state.detail ?? '')

  const aUser = async (password = 'first-secret'): Promise<User> => {
    const user = await admin.addUser(password)
    onTestFinished(() => admin.deleteUser(user).catch(ignore))
    return user
  }
  /** A consumer, or a publisher, that runs until the test has ended. */
  const running = async (life: Life): Promise<Life> => {
    onTestFinished(() => life.subscription.unsubscribe())
    await life.until(isRunning)
    return life
  }
  const consumer = (url: string, more: object = {}) =>
    live(amqpConsumer('orders', { url, queue: { name: queueName(), exclusive: true }, ...more }, ignore))
  const services = {
    consumer,
    publisher: (url: string) => live(amqpPublisher('outbox', { url })),
  }

  for (const [what, make] of Object.entries(services))
    test(`refused to a running ${what} is no end: health fails, and passes when the user is back`, async () => {
      const user = await aUser()
      const life = await running(make(urlFor(broker.url, user)))
      await admin.deleteUser(user)
      await broker.faults.closeAllConnections()
      const failing = await life.until(isRefused)
      expect(failing).toMatchObject({ detail: expect.stringContaining(`wrong password, or no user "${user.name}"`) })
      life.forget()
      await admin.addAgain(user)
      await life.until(hasHealth('pass'))
    })

  test('refused for five minutes after the service was running is given up, with the reason', async () => {
    const user = await aUser()
    const publisher = amqpPublisher('outbox', { url: urlFor(broker.url, user) })
    const lives = [consumer(urlFor(broker.url, user)), live(publisher)]
    for (const life of lives) await running(life)
    await admin.setPassword(user, 'changed')
    await broker.faults.closeAllConnections()
    for (const life of lives) await life.until(isRefused)
    const held = publisher.publish('nowhere', 1).catch(({ code }) => code)
    // Five minutes that nobody has to wait for.
    const { performance } = globalThis
    const now = performance.now.bind(performance)
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 5 * 60_000)
    onTestFinished(() => clock.mockRestore())
    for (const { over } of lives)
      await expect(over).rejects.toMatchObject({
        code: 'ERR_AMQP_CREDENTIALS',
        message: expect.stringMatching(/refused it: wrong password, or no user "user-.*"; given up after 5 min/),
      })
    expect(await held).toBe('ERR_AMQP_CLOSED')
    expect(lives[1]?.states.some(hasInfo('unconfirmed'))).toBe(true)
  })

  test('refused at the start fails at once, also beside a service that runs on the same connection', async () => {
    const user = await aUser()
    const connection = amqpConnection({ url: urlFor(broker.url, user) })
    const first = live(amqpConsumer('first', { connection, queue: { name: queueName(), exclusive: true } }, ignore))
    await running(first)
    await admin.setPassword(user, 'changed')
    await broker.faults.closeAllConnections()
    await first.until(isRefused)
    const second = live(amqpConsumer('second', { connection, queue: queueName() }, ignore))
    await expect(second.over).rejects.toMatchObject({ code: 'ERR_AMQP_CREDENTIALS', service: 'second' })
    expect(last(first)).toMatchObject({ phase: 'running', health: 'fail' })
  })

  for (const password of ['pässwörd-密码', 'a/b:c@d?e#f%g h', '100%'])
    test(`with the password ${password} succeeds, from the URL and from the function`, async () => {
      const user = await aUser(password)
      await running(consumer(urlFor(broker.url, user)))
      const credentials = () => ({ username: user.name, password })
      await running(consumer(broker.url, { credentials }))
    })

  describe('with a function for the credentials', () => {
    test('asks it before each attempt, so that a changed password is found', async () => {
      const user = await aUser()
      let password = user.password
      let asked = 0
      const credentials = async () => {
        asked++
        return { username: user.name, password }
      }
      const life = await running(consumer(broker.url, { credentials }))
      expect(asked).toBe(1)
      password = 'second-secret'
      await admin.setPassword(user, password)
      life.forget()
      await broker.faults.closeAllConnections()
      await life.until(hasHealth('fail'))
      await life.until(hasHealth('pass'))
      expect(asked).toBe(2)
      expect(life.states.some(state => 'detail' in state && /refused/.test(state.detail ?? ''))).toBe(false)
    })

    test('names the user it gave when the broker refuses them', async () => {
      const credentials = () => ({ username: 'nobody', password: 'top-secret' })
      await expect(consumer(broker.url, { credentials }).over).rejects.toMatchObject({
        code: 'ERR_AMQP_CREDENTIALS',
        message: expect.stringContaining('no user "nobody"'),
      })
    })

    test('tries again when the function fails, and says why the start did not succeed', async () => {
      let asked = 0
      const credentials = () => {
        asked++
        if (asked < 3) throw new Error('the vault is sealed')
        return { username: 'guest', password: 'guest' }
      }
      await running(consumer(broker.url, { credentials }))
      const sealed = () => Promise.reject(new Error('the vault is sealed'))
      const life = consumer(broker.url, { credentials: sealed })
      await new Promise(setImmediate)
      life.tell('stop', { by: 'failure', service: 'orders', error: { name: 'Error', message: 'start timed out' } })
      await expect(life.over).rejects.toMatchObject({
        code: 'ERR_AMQP_UNREACHABLE',
        message: expect.stringMatching(
          /can't log in at the broker at .*: credentials\(\) failed: the vault is sealed$/,
        ),
      })
    })

    test('fails at once when the function returns something else, and does not show it', async () => {
      const credentials = () => ({ user: 'guest', pass: 'top-secret' })
      const error = await consumer(broker.url, { credentials }).over.catch(error => error)
      expect(error).toMatchObject({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringContaining('credentials must return { username, password }'),
      })
      expect(JSON.stringify(error) + error.stack).not.toContain('top-secret')
    })

    test('a function that never answers is an attempt that times out', async () => {
      let asked = 0
      const credentials = () => {
        asked++
        return new Promise<AmqpCredentials>(() => undefined)
      }
      const life = consumer(broker.url, { credentials, connectTimeout: 50 })
      await expect.poll(() => asked).toBeGreaterThan(1)
      life.tell('stop', { by: 'failure', service: 'orders', error: { name: 'Error', message: 'start timed out' } })
      await expect(life.over).rejects.toMatchObject({ message: expect.stringContaining('no answer within 50 ms') })
    })

    test('gives the broker a new password before the old one expires, over the same connection', async () => {
      const amqplib = await import('amqplib')
      let [asked, renewed, opened] = [0, 0, 0]
      const credentials = () => ({ username: 'guest', password: 'guest', ...(asked++ < 3 && { expiresIn: 100 }) })
      const connect = async (url: string, options: object) => {
        opened++
        const model = await amqplib.connect(url, options)
        return model.on('update-secret-ok', () => renewed++)
      }
      const life = await running(consumer(broker.url, { credentials, connect }))
      await expect.poll(() => renewed).toBe(3)
      expect([asked, opened]).toEqual([4, 1])
      expect(last(life)).toMatchObject({ health: 'pass' })
    })

    test('asks again when a renewal has failed, and keeps the connection', async () => {
      let asked = 0
      const credentials = () => {
        asked++
        if (asked === 2) throw new Error('the vault is sealed')
        return { username: 'guest', password: 'guest', ...(asked === 1 && { expiresIn: 100 }) }
      }
      const life = await running(consumer(broker.url, { credentials }))
      await expect.poll(() => asked).toBe(3)
      expect(life.states.some(hasHealth('fail'))).toBe(false)
    })
  })
})
