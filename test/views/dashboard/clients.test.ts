import { once } from 'node:events'
import { request as ask, createServer } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import { type ServiceContext, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { gate } from '../../services/http/driver.ts'
import { startProgram } from '../../support/child.ts'
import { isWhole, serve, watch } from './watch.ts'

afterEach(() => {
  vi.useRealTimers()
})

const openShop = (options: Parameters<typeof dashboard>[1] = {}) => {
  let context!: ServiceContext
  const group = serviceGroup('shop').add(
    service('db', {
      start: ctx => {
        context = ctx
      },
    }),
  )
  const app = express().use(dashboard(group, options))
  return { group, app, say: (detail: string) => context.setHealth('pass', detail) }
}

describe('heartbeats', () => {
  test('come every 15 s while somebody watches, and then no timer is left', async () => {
    const { group, app, say } = openShop()
    const port = await serve(app)
    await group.start()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    vi.advanceTimersByTime(14_999)
    say('before the heartbeat')
    await page.until(({ events }) => events.at(-1)?.seq === group.status.seq)
    expect(page.comments).toEqual([])
    vi.advanceTimersByTime(1)
    await page.until(({ comments }) => comments.length === 1)
    vi.advanceTimersByTime(30_000)
    await page.until(({ comments }) => comments.length === 3)
    say('this is gathered')
    page.close()
    // Turns of the event loop, none of the clock.
    for (let turn = 0; turn < 10_000 && vi.getTimerCount() > 0; turn++) await new Promise(setImmediate)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('are not needed for the group, nor by it: a dashboard nobody looks at keeps no process alive', async () => {
    const program = startProgram(new URL('idle-process.ts', import.meta.url))
    expect(await program.ended).toMatchObject({ code: 0, output: 'running, and that is all\n' })
  })
})

describe('a client that never reads', () => {
  test('is dropped when a megabyte waits for it, and nobody else notices', async () => {
    const { group, app, say } = openShop()
    const server = createServer(app)
    const port = await serve(server)
    await group.start()
    const page = await watch(port)
    const stuck = connect({ host: '127.0.0.1', port }).on('error', () => {})
    onTestFinished(() => void stuck.destroy())
    const [response] = await Promise.all([
      new Promise<import('node:http').ServerResponse>(resolve => server.once('request', (_, res) => resolve(res))),
      once(stuck, 'connect').then(() => stuck.pause().write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')),
    ])
    let gone = false
    response.once('close', () => {
      gone = true
    })
    let most = 0
    let told = 0
    while (!gone) {
      for (let n = 0; n < 300; n++) say(`${told++} ${'x'.repeat(1_000)}`)
      const { seq } = group.status
      await page.until(({ events }) => events.at(-1)?.seq === seq)
      most = Math.max(most, response.writableLength)
    }
    // What the system takes for it, a megabyte, and a message.
    expect(most).toBeGreaterThan(1_000_000)
    expect(most).toBeLessThan(2_000_000)
    expect(isWhole(page.events)).toBe(true)
    await group.stop()
    expect(await page.ended).toBe('ended')
  })

  test('may take its time for what it is told first, however long it is', async () => {
    const { group, app, say } = openShop()
    const server = createServer(app)
    const port = await serve(server)
    await group.start()
    for (let n = 0; n < 1_900; n++) say(`${n} ${'x'.repeat(4_000)}`)
    const slow = connect({ host: '127.0.0.1', port })
    onTestFinished(() => void slow.destroy())
    let text = ''
    const [response] = await Promise.all([
      new Promise<import('node:http').ServerResponse>(resolve => server.once('request', (_, res) => resolve(res))),
      once(slow, 'connect').then(() => slow.pause().write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')),
    ])
    expect(response.writableLength).toBeGreaterThan(2_000_000)
    say('the last')
    const read = new Promise<void>(resolve => {
      slow.setEncoding('utf8').on('data', chunk => {
        text = text.slice(-1_000) + chunk
        if (text.includes('"detail":"the last"')) resolve()
      })
    })
    slow.resume()
    await read
    await group.stop()
  })
})

describe('the number of clients', () => {
  test('is limited; others are asked to come again, and one may when another has left', async () => {
    const { app } = openShop({ maxClients: 2 })
    const port = await serve(app)
    const [first] = [await watch(port), await watch(port)]
    const refused = await fetch(`http://127.0.0.1:${port}/events`)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('5')
    expect(await refused.json()).toEqual({ error: '2 watch already', code: 'ERR_TOO_MANY_CLIENTS' })
    first.close()
    await vi.waitFor(async () => expect((await watch(port)).status).toBe(200))
  })

  test('is 256 unless said otherwise', async () => {
    const { app } = openShop()
    const port = await serve(app)
    const pages = await Promise.all(Array.from({ length: 257 }, () => watch(port)))
    expect(pages.map(({ status }) => status).sort()).toEqual([...Array(256).fill(200), 503])
  })

  test.each([0, -1, 1.5, Number.NaN, '7'])('%s is refused', maxClients => {
    expect(() => openShop({ maxClients: maxClients as number })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'shop' }),
    )
  })

  test('does not count who asks only what there is', async () => {
    const { app } = openShop({ maxClients: 1 })
    const port = await serve(app)
    const [head] = await once(ask({ host: '127.0.0.1', port, path: '/events', method: 'HEAD' }).end(), 'response')
    expect(head.statusCode).toBe(200)
    expect(head.headers['content-type']).toMatch(/^text\/event-stream/)
    head.resume()
    await once(head, 'end')
    expect((await watch(port)).status).toBe(200)
  })

  test('does not count who has hung up before it was let in', async () => {
    const { group } = openShop()
    const came = gate()
    const asked = gate()
    const port = await serve(
      express().use((_request, response, next) => {
        response.once('close', () => {
          next()
          asked.open()
        })
        came.open()
      }, dashboard(group)),
    )
    const page = ask({ host: '127.0.0.1', port, path: '/events' })
      .on('error', () => {})
      .end()
    await came.opened
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    page.destroy()
    await asked.opened
    expect(vi.getTimerCount()).toBe(0)
  })
})
