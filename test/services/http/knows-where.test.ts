import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServiceGroup, serviceGroup } from 'rx-service-group'
import { type GrpcService, grpc } from 'rx-service-group/grpc'
import { type HttpService, http } from 'rx-service-group/http'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { drive, gate } from './driver.ts'
import { stacks } from './stacks.ts'

const hello = (_: unknown, response: { end(text: string): unknown }) => response.end('hello')
const where = ({ port, url }: { readonly port: number | undefined; readonly url: string | undefined }) => ({
  port,
  url,
})
const nowhere = { port: undefined, url: undefined }

/** Whether the service knows its port, when it enters each phase. */
const portAtEachPhase = (group: ServiceGroup, api: HttpService): readonly string[] => {
  const seen: string[] = []
  let before: string | undefined
  group.events$.subscribe(event => {
    if (event.kind !== 'transition' || event.path !== 'shop/api' || event.state.phase === before) return
    before = event.state.phase
    seen.push(`${before} ${api.port === undefined ? 'without' : 'with'}`)
  })
  return seen
}

describe('an http service', () => {
  test('knows its port and url from its running state on until it drains', async () => {
    const api = http('api', hello)
    expectTypeOf(api).toEqualTypeOf<HttpService<'api'>>()
    expect(where(api)).toEqual(nowhere)
    const group = serviceGroup('shop').add(api)
    const seen = portAtEachPhase(group, api)
    await group.start()
    const { port } = where(api)
    expect(where(api)).toEqual({ port: expect.any(Number), url: `http://localhost:${port}` })
    expect(await (await fetch(api.url!)).text()).toBe('hello')
    await group.stop()
    expect(where(api)).toEqual(nowhere)
    expect(seen).toEqual([
      'starting without',
      'running with',
      'draining with',
      'drained without',
      'stopping without',
      'stopped without',
    ])
  })

  test('knows nothing while it drains, with work still under way', async () => {
    const came = gate()
    const go = gate()
    const api = http('api', async (_, response) => {
      came.open()
      await go.opened
      response.end('done')
    })
    const life = drive(api)
    await life.until('running')
    const answer = fetch(api.url!)
    await came.opened
    expect(api.port).toBeDefined()
    life.tell('unready')
    expect(api.port).toBeDefined()
    life.tell('drain')
    await expect.poll(() => where(api)).toEqual(nowhere)
    go.open()
    expect(await (await answer).text()).toBe('done')
    await life.leave()
  })

  test('knows the port of each incarnation, and none in between', async () => {
    const api = http('api', hello, { host: '127.0.0.1' })
    const group = serviceGroup('shop').add(api)
    await group.start()
    const seen = portAtEachPhase(group, api)
    for (let round = 0; round < 3; round++) {
      await group.restart('api')
      await expect.poll(() => api.port).toBeDefined()
      expect(await (await fetch(api.url!)).text()).toBe('hello')
    }
    expect(seen.filter(text => /^(starting|running)/.test(text))).toEqual(
      [1, 2, 3].flatMap(() => ['starting without', 'running with']),
    )
    await group.stop()
  })

  test('of which another incarnation has begun keeps what that one says', async () => {
    const api = http('api', hello)
    const [first, second] = [drive(api), drive(api)]
    await first.until('running')
    const { port } = (await second.until('running')).info as { port: number }
    expect(api.port).toBe(port)
    await first.leave()
    expect(api.port).toBe(port)
    await second.leave()
    expect(api.port).toBeUndefined()
  })

  test('that could not listen, or died, knows nothing', async () => {
    const holder = createNetServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const taken = http('api', hello, { host: '127.0.0.1', port: (holder.address() as AddressInfo).port })
    await drive(taken).ended()
    expect(where(taken)).toEqual(nowhere)
    holder.close()

    const server = createServer(hello)
    const closed = http('api', server)
    const life = drive(closed)
    await life.until('running')
    server.close()
    await life.ended()
    expect(where(closed)).toEqual(nowhere)
  })

  test.each([
    ['0.0.0.0', 'localhost'],
    ['::', 'localhost'],
    ['::1', '[::1]'],
    ['127.0.0.1', '127.0.0.1'],
    ['localhost', undefined],
  ])('on %s has a url that can be opened', async (host, written) => {
    const api = http('api', hello, { host })
    const life = drive(api)
    await life.until('running')
    if (written) expect(api.url).toBe(`http://${written}:${api.port}`)
    expect(await (await fetch(api.url!)).text()).toBe('hello')
    await life.leave()
  })

  test.each(stacks)('on $name says http or https', async stack => {
    const api = http('api', stack.create(hello))
    const life = drive(api)
    await life.until('running')
    expect(api.url).toBe(`${stack.tls ? 'https' : 'http'}://localhost:${api.port}`)
    await life.leave()
  })

  test('on a socket file has no port; beside one, it has that port', async () => {
    const path = join(tmpdir(), `knows-where-${process.pid}.sock`)
    const onFile = http('api', hello, { path })
    const first = drive(onFile)
    await first.until('running')
    expect(where(onFile)).toEqual({ port: undefined, url: `unix:${path}` })
    await first.leave()
    expect(where(onFile)).toEqual(nowhere)
    const onBoth = http('api', hello, { path, port: 0, host: '127.0.0.1' })
    const second = drive(onBoth)
    await second.until('running')
    expect(onBoth.url).toBe(`http://127.0.0.1:${onBoth.port}`)
    await second.leave()
  })

  test('whose server listened already knows it from its start on', async () => {
    const server = createServer(hello).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const api = http('api', server)
    expect(where(api)).toEqual(nowhere)
    const life = drive(api)
    await life.until('running')
    expect(where(api)).toEqual({ port, url: `http://127.0.0.1:${port}` })
    await life.leave()
    expect(where(api)).toEqual(nowhere)
  })
})

test('a grpc service knows its port, and the url that a client takes, while it listens', async () => {
  const rpc = grpc('rpc', () => {}, { host: '::1', health: false })
  expectTypeOf(rpc).toEqualTypeOf<GrpcService<'rpc'>>()
  expect(where(rpc)).toEqual(nowhere)
  for (const _incarnation of [1, 2]) {
    const life = drive(rpc)
    const { port } = (await life.until('running')).info as { port: number }
    expect(where(rpc)).toEqual({ port, url: `dns:[::1]:${port}` })
    life.tell('drain')
    expect(where(rpc)).toEqual(nowhere)
    await life.leave()
  }
})
