import { request as ask } from 'node:http'
import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { describe, expect, test, vi } from 'vitest'
import { newWrongTokens } from '../../../src/views/dashboard/wrong-tokens.ts'
import { request } from '../../services/http/driver.ts'
import { openShop, token } from './support/acting.ts'
import { serve } from './watch.ts'

describe('who has asked', () => {
  test('is told with each request, in the order in which they came', async () => {
    const { group, post, told } = await openShop()
    await group.start()
    await post({ action: 'restart', service: 'db' })
    await post({ action: 'restart', service: 'mailer' })
    await post({ action: 'restart', service: 'nobody' })
    await post({ action: 'stop' }, { authorization: 'Bearer no' })
    expect(told()).toEqual([
      { path: 'shop/db', action: 'restart', by: '127.0.0.1', outcome: 'accepted' },
      { path: 'shop/workers/mailer', action: 'restart', by: '127.0.0.1', outcome: 'accepted' },
      { path: 'shop', action: 'restart', by: '127.0.0.1', outcome: 'refused', reason: expect.stringMatching(/nobody/) },
      { path: 'shop', by: '127.0.0.1', outcome: 'refused', reason: expect.stringMatching(/^this needs the token/) },
    ])
  })

  test.each([
    [false, '127.0.0.1'],
    [true, '10.0.0.7'],
  ])('is the address that express trusts (trust proxy %s: %s)', async (trust, address) => {
    const group = serviceGroup('shop').add(service('db', {}))
    const by: string[] = []
    group.events$.subscribe(event => {
      if (event.kind === 'request') by.push(event.by)
    })
    const app = express().set('trust proxy', trust).use(dashboard(group, { token }))
    const port = await serve(app)
    await fetch(`http://127.0.0.1:${port}/actions`, { method: 'POST', headers: { 'x-forwarded-for': '10.0.0.7' } })
    expect(by).toEqual([address])
  })

  test('is told of a request under a foreign name too', async () => {
    const { port, told } = await openShop()
    await request(port, '/admin/actions', { method: 'POST', headers: { host: 'evil.example' } })
    await request(port, '/admin/events', { headers: { host: 'evil.example' } })
    expect(told()).toEqual([
      { path: 'shop', by: '127.0.0.1', outcome: 'refused', reason: expect.stringContaining('"evil.example"') },
    ])
  })
})

describe('wrong tokens', () => {
  const wrong = { authorization: 'Bearer not the right one at all' }

  test('are slowed down and told, and do not keep out who has the right one', async () => {
    const { group, post, told } = await openShop()
    await group.start()
    const begun = performance.now()
    const answers = Promise.all(Array.from({ length: 40 }, () => post({ action: 'stop' }, wrong)))
    expect(await post({ action: 'restart', service: 'db' })).toMatchObject({ status: 202 })
    expect(performance.now() - begun).toBeLessThan(900)
    const statuses = (await answers).map(({ status }) => status)
    expect(performance.now() - begun).toBeGreaterThan(1_900)
    expect(statuses.filter(status => status === 401)).toHaveLength(7)
    expect(statuses.filter(status => status === 429)).toHaveLength(33)
    await expect.poll(() => told().reduce((sum, { omitted = 0 }) => sum + 1 + omitted, 0)).toBe(41)
    expect(told().length).toBeLessThan(30)
    expect(group.status.ready).toBe(true)
  })

  test('that come too often are told when to try again', async () => {
    const { port, post } = await openShop()
    void Promise.all(Array.from({ length: 7 }, () => post({}, wrong))).catch(() => {})
    await expect
      .poll(async () =>
        (await fetch(`http://127.0.0.1:${port}/admin/actions`, { method: 'POST' })).headers.get('retry-after'),
      )
      .toBe('2')
  })
})

describe('a body', () => {
  const raw = async (port: number, headers: Readonly<Record<string, string>>) => {
    const asked = ask({
      host: '127.0.0.1',
      port,
      path: '/admin/actions',
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    })
    const answered = new Promise<number | undefined>((resolve, reject) => {
      asked.on('error', reject).on('response', response => resolve(response.resume().statusCode))
    })
    return { asked, answered }
  }

  test('that comes in pieces is read', async () => {
    const { group, port, told } = await openShop()
    await group.start()
    const { asked, answered } = await raw(port, {})
    for (const letter of '{"action":"restart","service":"db"}') {
      asked.write(letter)
      await new Promise(resolve => setImmediate(resolve))
    }
    asked.end()
    expect(await answered).toBe(202)
    expect(told()).toHaveLength(1)
  })

  test('that does not come is not waited for', async () => {
    const { group, port, told } = await openShop()
    await group.start()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { asked, answered } = await raw(port, {})
    asked.on('error', () => {}).write('{"action":"stop"')
    for (let turn = 0; turn < 10_000 && vi.getTimerCount() === 0; turn++) await new Promise(setImmediate)
    vi.advanceTimersByTime(5_000)
    vi.useRealTimers()
    expect(await answered).toBe(408)
    await expect.poll(told).toMatchObject([{ outcome: 'refused', reason: 'the body does not come' }])
    expect(group.status.ready).toBe(true)
  })

  test('whose client is gone does nothing, and is told', async () => {
    const { group, port, told } = await openShop()
    await group.start()
    const { asked, answered } = await raw(port, {})
    answered.catch(() => {})
    asked.write('{"action":"stop"}')
    await new Promise(resolve => setTimeout(resolve, 50))
    asked.destroy()
    await expect.poll(told).toMatchObject([{ outcome: 'refused', reason: 'the body has not come to its end' }])
    expect(group.status.ready).toBe(true)
  })

  test('that is packed, or no UTF-8, is refused', async () => {
    const { port, post } = await openShop()
    expect(await post({ action: 'stop' }, { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 })
    const { asked, answered } = await raw(port, {})
    asked.end(Buffer.from('{"action":"stop\xff"}', 'latin1'))
    expect(await answered).toBe(400)
  })
})

describe('the wait of wrong tokens', () => {
  const counting = () => {
    let now = 0
    const tokens = newWrongTokens(() => now)
    return {
      wait: (address: string) => tokens.wait(address),
      pass: (ms: number) => {
        now += ms
      },
      longest: tokens.longest,
    }
  }
  const several = (times: number, wait: (n: number) => number): readonly number[] =>
    Array.from({ length: times }, (_, n) => wait(n))

  test('is none for the first five of an address, and then a second more for each', () => {
    const { wait, pass } = counting()
    expect(several(9, () => wait('a'))).toEqual([0, 0, 0, 0, 0, 1_000, 2_000, 3_000, 3_000])
    expect(several(5, () => wait('b'))).toEqual([0, 0, 0, 0, 0])
    pass(1_000)
    expect(wait('a')).toBe(2_000)
    pass(60_000)
    expect(several(6, () => wait('a'))).toEqual([0, 0, 0, 0, 0, 1_000])
  })

  test('is for all addresses together too: ten a second after the first fifty', () => {
    const { wait, longest } = counting()
    const waits = several(1_000, n => wait(`address ${n}`))
    expect(waits.filter(ms => ms === 0)).toHaveLength(50)
    expect(waits.filter(ms => ms > 0 && ms <= longest)).toHaveLength(20)
    expect(waits.filter(ms => ms > longest)).toHaveLength(930)
  })

  test('remembers a thousand addresses', () => {
    const { wait, pass } = counting()
    expect(several(6, () => wait('a')).at(-1)).toBe(1_000)
    for (let n = 0; n < 999; n++) {
      pass(1)
      wait(`address ${n}`)
    }
    const grown = () => process.memoryUsage().heapUsed
    const before = grown()
    for (let n = 0; n < 200_000; n++) {
      pass(200)
      wait(`another address ${n}`)
    }
    expect(grown() - before).toBeLessThan(20 * 1024 * 1024)
  })
})
