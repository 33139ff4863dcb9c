import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as passed } from 'node:timers/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { http } from 'rx-service-group/http'
import { describe, expect, test } from 'vitest'
import { drive, gate, request } from './driver.ts'
import { http as http1, http2, http2Plain, https } from './stacks.ts'

const SOON = 2_000

/** An endless source of events, and whether it was told that nobody wants more. */
const ticks = (closed: () => void) =>
  async function* () {
    try {
      for (let n = 0; ; n++) {
        yield `data: ${n}\n\n`
        await passed(5)
      }
    } finally {
      closed()
    }
  }

/** A stream into which the app writes, also when nobody listens any more. */
const written = (stream: PassThrough) => {
  const timer = setInterval(() => stream.write('data: tick\n\n'), 2)
  setTimeout(() => clearInterval(timer), 1_500)
  return stream
}
const pushed = () => {
  const stream = new Readable({ read() {} })
  const timer = setInterval(() => stream.push('data: tick\n\n'), 2)
  setTimeout(() => clearInterval(timer), 1_500)
  return stream
}

const serving = (stream: (response: ServerResponse) => Promise<unknown>, stack = http1) => {
  const begun = gate()
  let outcome: Promise<unknown> = Promise.resolve()
  const app = (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    outcome = stream(response).then(
      () => 'regular',
      error => error,
    )
    begun.open()
  }
  return { life: drive(http('api', stack.create(app))), begun: begun.opened, outcome: () => outcome }
}

describe.each([http1, https, http2, http2Plain])('an event stream by pipeline over $name', stack => {
  test.each<[string, () => NodeJS.ReadableStream | ReturnType<typeof ticks>]>([
    ['a stream that is written', () => written(new PassThrough())],
    ['a stream that is pushed', pushed],
    ['a stream of a generator', () => Readable.from(ticks(() => {})())],
    ['a generator', () => ticks(() => {})],
  ])('from %s comes to a regular end when the service leaves', async (_, source) => {
    const { life, begun, outcome } = serving(response => pipeline(source() as never, response), stack)
    const client = await stack.client(await life.port())
    const answer = client.ask('/events')
    await begun
    await passed(50)
    expect(await life.leave()).toBeLessThan(SOON)
    expect((await answer).body).toMatch(/^data: .*\n\n$/s)
    expect(await outcome()).toBe('regular')
    client.close()
  })
})

describe('an event stream by pipeline', () => {
  test.each([
    ['a generator', (closed: () => void) => ticks(closed)],
    ['a stream of a generator', (closed: () => void) => Readable.from(ticks(closed)())],
  ])('closes %s, which cleans up', async (_, source) => {
    const closed = gate()
    const { life, begun, outcome } = serving(response => pipeline(source(closed.open) as never, response))
    const answer = request(await life.port())
    await begun
    await life.leave()
    await closed.opened
    expect(await outcome()).toBe('regular')
    await answer
  })

  test('brings a client that lags behind all that was written before', async () => {
    const events = new PassThrough()
    events.write(`data: ${'x'.repeat(3_000_000)}\n\n`)
    const { life, begun, outcome } = serving(response => pipeline(written(events), response))
    const port = await life.port()
    const came = new Promise<IncomingMessage>(resolve => get({ host: '127.0.0.1', port, agent: false }, resolve))
    await begun
    const response = await came
    const left = life.leave()
    await passed(200)
    let length = 0
    for await (const chunk of response) length += (chunk as Buffer).length
    await left
    expect(length).toBeGreaterThan(3_000_000)
    expect(await outcome()).toBe('regular')
  })

  test('through gzip is complete', async () => {
    const { life, begun } = serving(response => {
      const gzip = createGzip()
      gzip.pipe(response)
      const timer = setInterval(() => gzip.write('data: tick\n\n'), 5)
      return once(response, 'close').finally(() => clearInterval(timer))
    })
    const port = await life.port()
    const came = new Promise<IncomingMessage>(resolve => get({ host: '127.0.0.1', port, agent: false }, resolve))
    await begun
    const text = came.then(async response => {
      let body = ''
      for await (const chunk of response.pipe(createGunzip())) body += String(chunk)
      return body
    })
    await passed(50)
    await life.leave()
    expect(await text).toMatch(/^(data: tick\n\n)+$/)
  })

  test('from another server ends the request there', async () => {
    const over = gate()
    const upstream = createServer((_, response) => {
      response.writeHead(200).write('data: one\n\n')
      response.on('close', over.open)
    }).listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const { port } = upstream.address() as AddressInfo
    const { life, begun, outcome } = serving(async response => {
      const [events] = await once(get({ host: '127.0.0.1', port, agent: false }), 'response')
      await pipeline(events, response)
    })
    const answer = request(await life.port())
    await begun
    await passed(100)
    await life.leave()
    expect((await answer).body).toBe('data: one\n\n')
    expect(await outcome()).toBe('regular')
    await over.opened
    upstream.close()
  })

  test.each([
    ['is over', () => Readable.from(['data: first\n\n'])],
    ['goes on', () => written(new PassThrough())],
  ])('of which the app ends nothing itself is ended, when what it piped %s', async (_, source) => {
    const { life, begun } = serving(async response => source().pipe(response, { end: false }))
    const answer = request(await life.port())
    await begun
    await passed(50)
    expect(await life.leave()).toBeLessThan(SOON)
    expect((await answer).body).toMatch(/^data: /)
  })

  test('that the app writes in a loop of its own sees no error', async () => {
    let last: unknown
    const { life, begun, outcome } = serving(async response => {
      for (let n = 0; n < 100; n++) {
        last = response.write(`data: ${n}\n\n`)
        await passed(5)
      }
    })
    const answer = request(await life.port())
    await begun
    await life.leave()
    await answer
    expect(await outcome()).toBe('regular')
    expect(last).toBe(false)
  })
})
