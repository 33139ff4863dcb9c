import { once } from 'node:events'
import type { Agent, ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net'
import { setTimeout as passed } from 'node:timers/promises'
import { http } from 'rx-service-group/http'
import { afterEach, describe, expect, test } from 'vitest'
import { laterGap, patienceFor } from '../../../src/services/http/gap.ts'
import { drive, keepAlive, rawConnection, request } from './driver.ts'
import { http2, https, type Stack, stacks } from './stacks.ts'

/** Longer than a quiet connection of a client nearby is kept. */
const FAR = 250
const LOCAL = '127.0.0.1'

const hello = (_: unknown, response: ServerResponse) => response.end('hello')

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Delays what goes through it by so many milliseconds in each direction. */
const relayTo = async (port: number, delay: number): Promise<number> => {
  const later = (from: Socket, to: Socket) => {
    from.on('data', chunk => setTimeout(() => to.write(chunk), delay)).on('error', () => {})
    from.on('end', () => setTimeout(() => to.end(), delay))
  }
  const relay = createNetServer({ allowHalfOpen: true, noDelay: true }, near => {
    const far = connect({ port, host: LOCAL, allowHalfOpen: true, noDelay: true })
    later(near, far)
    later(far, near)
  }).listen(0, LOCAL)
  await once(relay, 'listening')
  ends.push(() => relay.close())
  return (relay.address() as AddressInfo).port
}

/** Asks a few times with this gap between an answer and the next request. */
const askWithGaps = async (ask: () => Promise<unknown>, gap: number) => {
  for (let i = 0; i < 3; i++) {
    await ask()
    await passed(gap)
  }
  await ask()
}

describe.each(stacks)('a client far away, over $name', stack => {
  const isHttp2 = stack.name.startsWith('http2')

  test('is waited for, and answered, when it asks after its own gap', async () => {
    const life = drive(http('api', stack.create(hello)))
    const client = await stack.client(await life.port())
    ends.push(client.close)
    await askWithGaps(() => client.ask(), FAR)
    life.tell('drain')
    await passed(FAR)
    const { body, headers } = await client.ask()
    expect(body).toBe('hello')
    if (!isHttp2) expect(headers['connection']).toBe('close')
    await client.gone
    await life.leave()
  })
})

describe.each([https, http2])('a client far away, over $name', (stack: Stack) => {
  test('is known by its handshake, when it has asked only once', async () => {
    const life = drive(http('api', stack.create(hello)))
    const client = await stack.client(await relayTo(await life.port(), 200))
    ends.push(client.close)
    await client.ask()
    life.tell('drain')
    expect((await client.ask()).body).toBe('hello')
    await client.gone
    await life.leave()
  })
})

test('a client that has asked only once is waited for as long as the others', async () => {
  const life = drive(http('api', hello))
  const port = await life.port()
  const [known, unknown] = [keepAlive(), keepAlive()]
  await askWithGaps(() => request(port, '/', { agent: known }), FAR)
  await request(port, '/', { agent: unknown })
  life.tell('drain')
  await passed(FAR)
  expect(await request(port, '/', { agent: unknown })).toMatchObject({
    body: 'hello',
    headers: { connection: 'close' },
  })
  await life.leave()
})

test('clients nearby are not waited for longer because another one is far away', async () => {
  const life = drive(http('api', hello))
  const port = await life.port()
  const agents = [keepAlive(), keepAlive()] as const
  await Promise.all([
    askWithGaps(() => request(port, '/', { agent: agents[0] }), 0),
    askWithGaps(() => request(port, '/', { agent: agents[1] }), 500),
  ])
  const order: string[] = []
  const closed = agents.map((agent, i) => {
    const [socket] = Object.values((agent as Agent).freeSockets).flat()
    return once(socket!, 'close').then(() => order.push(['near', 'far'][i]!))
  })
  life.tell('drain')
  await Promise.all(closed)
  expect(order).toEqual(['near', 'far'])
  await life.leave()
})

test('a client that has thought for seconds is not waited for as long', async () => {
  const life = drive(http('api', hello))
  const port = await life.port()
  const agent = keepAlive()
  await request(port, '/', { agent })
  await passed(1_100)
  await request(port, '/', { agent })
  expect(await life.leave()).toBeLessThan(1_000)
})

test('a connection is measured past its first requests, too', async () => {
  const life = drive(http('api', hello))
  const { socket, closed, text } = await rawConnection(await life.port())
  const ask = async () => {
    const answered = once(socket, 'data')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await answered
  }
  for (let i = 0; i < 15; i++) await ask()
  for (let i = 0; i < 8; i++) {
    await passed(FAR / 2)
    await ask()
  }
  life.tell('drain')
  await passed(FAR / 2)
  await ask()
  await closed
  expect(text().match(/hello/g)).toHaveLength(24)
  await life.leave()
})

test.each([
  ['the first', 0, 300, 300],
  ['a longer one', 100, 300, 300],
  ['a shorter one, which the longer one outlasts for a while', 300, 100, 270],
  ['one so long that the client is not about to ask', 100, 5_000, 100],
])('the gap after %s', (_, gap, measured, wanted) => {
  expect(laterGap(gap, measured)).toBe(wanted)
  expect(patienceFor(wanted)).toBeGreaterThan(wanted)
})
