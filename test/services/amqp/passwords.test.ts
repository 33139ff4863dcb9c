import { inspect } from 'node:util'
import { serviceGroup } from 'rx-service-group'
import { amqpConnection, amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { describe, expect, test } from 'vitest'

const SECRET = 'hunter2-t0p'
const ignore = () => undefined

/** All that can be seen of a value: by people, in logs, as JSON. */
const shown = (value: unknown): string => `${inspect(value, { depth: 20, showHidden: true })}\n${JSON.stringify(value)}`

/** What is thrown at the call, if anything is. */
const thrown = (call: () => unknown): unknown => {
  try {
    return call()
  } catch (error) {
    return error
  }
}

/** All that a group with such a service tells until it has failed: events, states, errors, its report. */
const told = async (options: object): Promise<string> => {
  const all: unknown[] = []
  const service = thrown(() => amqpConsumer('orders', { queue: 'q', ...options } as never, ignore))
  all.push(
    service,
    thrown(() => amqpPublisher('outbox', options as never)),
  )
  all.push(thrown(() => amqpConnection(options as never)))
  if (!(service instanceof Error)) {
    const group = serviceGroup('shop').add(service as ReturnType<typeof amqpConsumer>, { startTimeout: 150 })
    const events = group.events$.subscribe(event => all.push(event))
    all.push(await group.start().catch(error => error))
    all.push(await group.stop(), group.status)
    events.unsubscribe()
  }
  return all.map(shown).join('\n')
}

describe('a password is shown nowhere', () => {
  const urls: Record<string, unknown> = {
    'a URL': `amqp://me:${SECRET}@127.0.0.1:1`,
    'a URL object': new URL(`amqp://me:${SECRET}@127.0.0.1:1/v`),
    'a list': [`amqp://me:${SECRET}@127.0.0.1:1`, new URL(`amqp://me:${SECRET}@127.0.0.1:2`)],
    'a list with something else': [`amqp://me:${SECRET}@127.0.0.1:1`, { url: `amqp://me:${SECRET}@h` }, 5],
    'a list in a list': [[`amqp://me:${SECRET}@127.0.0.1:1`]],
    'no scheme': `me:${SECRET}@127.0.0.1:1`,
    'no scheme, but slashes': `//me:${SECRET}@127.0.0.1:1`,
    'one slash': `amqp:/me:${SECRET}@127.0.0.1:1`,
    'no slash': `amqp:me:${SECRET}@127.0.0.1:1`,
    'three slashes': `amqp:///me:${SECRET}@127.0.0.1:1`,
    'another scheme': `http://me:${SECRET}@127.0.0.1:1`,
    'no host': `amqp://me:${SECRET}`,
    'an empty host': `amqp://me:${SECRET}@`,
    'a bad port': `amqp://me:${SECRET}@127.0.0.1:port`,
    'a slash in the password': `amqp://me:12/${SECRET}@127.0.0.1:1`,
    'a question mark in the password': `amqp://me:12?${SECRET}@127.0.0.1:1`,
    'a hash in the password': `amqp://me:12#${SECRET}@127.0.0.1:1`,
    'a slash in the password, no number': `amqp://me:a/${SECRET}@127.0.0.1:1`,
    'an at in the password': `amqp://me:a@${SECRET}@127.0.0.1:1`,
    'a bad percent sign': `amqp://me:%zz${SECRET}@127.0.0.1:1`,
    'a space': `amqp://me: ${SECRET}@127.0.0.1 :1`,
    'a line break': `amqp://me:x\n${SECRET}@127.0.0.1:1 x`,
    'an object as of amqplib': { protocol: 'amqp', hostname: '127.0.0.1', username: 'me', password: SECRET },
  }
  for (const [what, url] of Object.entries(urls))
    test(`of ${what}`, async () => {
      expect(await told({ url })).not.toContain(SECRET)
    })

  test.each(['/', '?', '#'])('a password with %s in it, which would end the host, is refused at the call', end => {
    expect(() => amqpConnection({ url: `amqp://me:12${end}${SECRET}@host/v` })).toThrow(
      expect.objectContaining({
        code: 'ERR_AMQP_URL',
        message: expect.stringMatching(/^amqpConnection: not an AMQP URL: "amqp:\/\/\*\*\*@host\/v"; give amqp:/),
      }),
    )
  })

  test('of an option in the wrong place', async () => {
    const url = 'amqp://127.0.0.1:1'
    const secretUrl = `amqp://me:${SECRET}@127.0.0.1:1`
    const credentials = { username: 'me', password: SECRET }
    for (const options of [
      { url, credentials },
      { url, credentials: SECRET },
      { url, connect: secretUrl },
      { url, connectionName: { password: SECRET } },
      { url: 'amqps://127.0.0.1:1', tls: SECRET },
      { url: 'amqps://127.0.0.1:1', tls: [SECRET] },
      { url, heartbeat: secretUrl },
      { connection: secretUrl },
    ])
      expect(await told(options)).not.toContain(SECRET)
    for (const call of [
      () => amqpConnection(secretUrl as never),
      () => amqpConsumer('orders', secretUrl as never, ignore),
      () => amqpPublisher('outbox', [secretUrl] as never),
      () => amqpConsumer('orders', { url, queue: secretUrl, prefetch: secretUrl } as never, ignore),
    ])
      expect(shown(thrown(call))).not.toContain(SECRET)
  })

  test('of an error that somebody else throws', async () => {
    const url = `amqp://me:${SECRET}@127.0.0.1:1`
    const errors = [
      new Error(`can't connect to ${url}`),
      new Error('no', { cause: new Error(`${SECRET} is wrong`) }),
      Object.assign(new Error(`${encodeURIComponent(SECRET)} is wrong`), { code: 'ENOWHERE' }),
      `wrong: ${url}`,
    ]
    for (const error of errors) expect(await told({ url, connect: () => Promise.reject(error) })).not.toContain(SECRET)
    const credentials = () => Promise.reject(new Error(`GET https://me:${SECRET}@vault failed`))
    expect(await told({ url: 'amqp://127.0.0.1:1', credentials })).not.toContain(SECRET)
    const fresh = () => ({ username: 'me', password: SECRET })
    const connect = () => Promise.reject(new Error(`${SECRET} is wrong`))
    expect(await told({ url: 'amqp://127.0.0.1:1', credentials: fresh, connect })).not.toContain(SECRET)
  })
})
