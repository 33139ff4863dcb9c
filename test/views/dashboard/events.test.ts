import express from 'express'
import { type ServiceContext, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { gate } from '../../services/http/driver.ts'
import { isWhole, serve, watch } from './watch.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** A shop whose service says whatever the test wants, watched from outside. */
const openShop = async () => {
  let context!: ServiceContext
  const group = serviceGroup('shop')
    .add(
      service('db', {
        start: ctx => {
          context = ctx
        },
      }),
    )
    .add(service('api', {}))
  const port = await serve(express().use(dashboard(group)))
  let said = 0
  /** Each makes an event, or two: the group tells what its services say. */
  const say = (times = 1): void => {
    for (let n = 0; n < times; n++) context.setHealth('pass', `said ${++said}`)
  }
  /** Each makes an event of some 14 kB. */
  const sayMuch = (times: number): void => {
    const long = Object.fromEntries([...'abcdefg'].map(name => [name, 'x'.repeat(2_000)]))
    context.info(long)
    say(times)
  }
  return { group, port, say, sayMuch }
}

const lastId = (messages: readonly { readonly id?: string }[]) => messages.findLast(({ id }) => id)?.id ?? ''

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('who comes', () => {
  test('is greeted, and told the whole start, however late it is', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    say(5)
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    const [hello, all] = page.messages
    expect(hello).toEqual({
      event: 'hello',
      data: {
        boot: expect.any(String),
        now: expect.any(Number),
        seq: group.status.seq,
        group: 'shop',
        actions: false,
        pid: process.pid,
        host: expect.any(String),
        node: process.version,
        startedAt: expect.any(Number),
      },
    })
    expect(Math.abs(hello!.data.now - Date.now())).toBeLessThan(60_000)
    expect(all).toMatchObject({ event: 'events', id: `${hello!.data.boot}:${group.status.seq}` })
    expect(page.events[0]).toMatchObject({ kind: 'snapshot', group: { state: { phase: 'idle' } } })
    expect(page.events.map(event => event.kind === 'transition' && event.state.phase)).toContain('starting')
    expect(isWhole(page.events)).toBe(true)
    expect(json(page.folded)).toEqual(json(group.status))
  })

  test('gets a stream that nobody keeps, packs or holds back', async () => {
    const { port } = await openShop()
    const { status, headers } = await watch(port)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': expect.stringMatching(/^text\/event-stream(;|$)/),
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    })
  })

  test('gets the latest 2,000 events, and the others as a snapshot of what they came to', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    say(4_000)
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    expect(page.events).toHaveLength(2_001)
    expect(page.events[0]).toMatchObject({ kind: 'snapshot', seq: group.status.seq - 2_000 })
    expect(page.messages[0]!.data.completeSince).toBe(page.events[0]!.at)
    expect(isWhole(page.events)).toBe(true)
    expect(json(page.folded)).toEqual(json(group.status))
  })

  test('gets 4 MB of them at most, however long they are', async () => {
    const { group, port, sayMuch } = await openShop()
    await group.start()
    sayMuch(1_000)
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    const bytes = Buffer.byteLength(JSON.stringify(page.events))
    expect(bytes).toBeLessThan(4.2 * 1024 * 1024)
    expect(bytes).toBeGreaterThan(3.9 * 1024 * 1024)
    expect(isWhole(page.events)).toBe(true)
    expect(json(page.folded)).toEqual(json(group.status))
  })

  test('and stays is told the latest 4 MB anew when more than that comes at once', async () => {
    const { group, port, sayMuch } = await openShop()
    await group.start()
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    sayMuch(400)
    await page.until(({ events }) => events.at(-1)?.seq === group.status.seq)
    const [hello, all] = page.messages.slice(-2)
    expect(hello).toMatchObject({ event: 'hello', data: { completeSince: all!.data[0].at } })
    expect(isWhole(all!.data)).toBe(true)
    expect(json(page.folded)).toEqual(json(group.status))
  })

  test('comes back with the last id, and gets only what is missing', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    page.close()
    const { seq } = group.status
    say(3)
    const headers = { 'last-event-id': lastId(page.messages) }
    const query = { path: `/events?lastEventId=${encodeURIComponent(lastId(page.messages))}` }
    for (const options of [{ headers }, query]) {
      const again = await watch(port, options)
      await again.until(({ events }) => events.length > 0)
      expect(again.messages[0]).toMatchObject({ event: 'hello', data: { boot: page.messages[0]!.data.boot } })
      expect(again.events[0]).toMatchObject({ kind: 'transition', seq: seq + 1 })
      expect(again.events.at(-1)).toMatchObject({ seq: group.status.seq })
      expect(lastId(again.messages)).toBe(`${page.messages[0]!.data.boot}:${group.status.seq}`)
    }
  })

  test('comes back when nothing has happened, and gets nothing but what happens next', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    const again = await watch(port, { headers: { 'last-event-id': lastId(page.messages) } })
    await again.until(({ messages }) => messages.length > 0)
    const { seq } = group.status
    say()
    await again.until(({ events }) => events.length > 0)
    expect(again.messages.map(({ event }) => event)).toEqual(['hello', 'events'])
    expect(again.events[0]).toMatchObject({ kind: 'transition', seq: seq + 1 })
  })

  test.each([
    ['too late', (boot: string) => `${boot}:1`],
    ['to another process', () => 'ab-cd:2500'],
    ['from the future', (boot: string) => `${boot}:999999`],
    ['with an id that is none', (boot: string) => `${boot}:x`],
    ['with half an id', (boot: string) => boot],
    ['with the other half of it missing', (boot: string) => `${boot}:`],
    ['with an id between two events', (boot: string) => `${boot}:2500.5`],
  ])('%s, and gets everything', async (_, idOf) => {
    const { group, port, say } = await openShop()
    await group.start()
    say(3_000)
    const page = await watch(port)
    await page.until(({ messages }) => messages.length > 1)
    const again = await watch(port, { headers: { 'last-event-id': idOf(page.messages[0]!.data.boot) } })
    await again.until(({ events }) => events.length > 0)
    expect(JSON.stringify(again.events) === JSON.stringify(page.events)).toBe(true)
    expect(isWhole(again.events)).toBe(true)
  })
})

describe('who stays', () => {
  test('hears the first event at once, and those of the next 20 ms together', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { seq } = group.status
    say(3)
    await page.until(({ messages }) => messages.length === 3)
    const told = group.status.seq
    expect(page.messages[2]!.data.map((event: { seq: number }) => event.seq)).toEqual(numbers(seq + 1, told))
    say(2)
    say(2)
    // Who comes now is told what all the others have been told.
    const other = await watch(port)
    await other.until(({ events }) => events.length > 0)
    expect(other.events.at(-1)?.seq).toBe(told)
    expect(page.messages).toHaveLength(3)
    vi.advanceTimersByTime(20)
    await Promise.all([page, other].map(one => one.until(({ events }) => events.at(-1)?.seq === group.status.seq)))
    for (const { messages } of [page, other])
      expect(messages.at(-1)).toMatchObject({
        data: numbers(told + 1, group.status.seq).map(seq => ({ seq })),
        id: `${messages[0]!.data.boot}:${group.status.seq}`,
      })
    // Quiet for 20 ms: at once again.
    vi.advanceTimersByTime(20)
    say()
    await page.until(({ events }) => events.at(-1)?.seq === group.status.seq)
    expect(page.messages).toHaveLength(5)
  })

  test('hears at once of a new phase of the group', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    say()
    await page.until(({ messages }) => messages.length === 3)
    const leave = gate()
    group.add(service('slow', { stop: () => leave.opened }))
    void group.stop()
    await page.until(({ folded }) => folded?.phase === 'stopping')
    leave.open()
    await page.ended
  })

  test('is told of a flood in messages of a thousand', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    say(5_000)
    await page.until(({ events }) => events.at(-1)?.seq === group.status.seq)
    expect(isWhole(page.events)).toBe(true)
    expect(Math.max(...page.messages.slice(2).map(({ data }) => data.length))).toBe(1_000)
  })

  test('misses nothing and hears nothing twice, whenever it comes, goes and comes back', async () => {
    const { group, port, say } = await openShop()
    await group.start()
    let busy = true
    const talk = async (): Promise<void> => {
      for (let n = 0; busy; n++) {
        say(n % 7)
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    const talking = talk()
    const follow = async (gone: number): Promise<void> => {
      const first = await watch(port)
      await first.until(({ messages }) => messages.length > 1 + gone)
      first.close()
      const second = await watch(port, { headers: { 'last-event-id': lastId(first.messages) } })
      const enough = first.events.at(-1)!.seq + 300
      await second.until(({ events }) => (events.at(-1)?.seq ?? 0) > enough)
      const events = second.events[0]?.kind === 'snapshot' ? second.events : [...first.events, ...second.events]
      expect(isWhole(events)).toBe(true)
    }
    await Promise.all(Array.from({ length: 20 }, (_, n) => follow(n % 4)))
    busy = false
    await talking
  })

  test('to the end of the group is told the report, and its stream ends', async () => {
    const { group, port } = await openShop()
    await group.start()
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    const report = await group.stop('enough')
    expect(await page.ended).toBe('ended')
    expect(page.messages.at(-1)).toEqual({ event: 'end', data: json(report) })
    expect(isWhole(page.events)).toBe(true)
    expect(json(page.folded)).toEqual(json(group.status))
  })

  test('or comes after the end, and is told all the same', async () => {
    const { group, port } = await openShop()
    await group.start()
    const report = await group.stop('enough')
    const page = await watch(port)
    expect(await page.ended).toBe('ended')
    expect(page.messages.map(({ event }) => event)).toEqual(['hello', 'events', 'end'])
    expect(page.messages.at(-1)!.data).toEqual(json(report))
    const again = await watch(port, { headers: { 'last-event-id': lastId(page.messages) } })
    expect(await again.ended).toBe('ended')
    expect(again.messages.map(({ event }) => event)).toEqual(['hello', 'end'])
  })

  test('hears of a service whose particulars are no JSON', async () => {
    const group = serviceGroup('shop').add(service('queue', { start: ({ info }) => info({ offset: 12n as never }) }))
    const port = await serve(express().use(dashboard(group)))
    const page = await watch(port)
    await group.start()
    await page.until(({ folded }) => folded?.phase === 'running')
    await group.stop()
    expect(await page.ended).toBe('ended')
    expect(page.messages.at(-1)).toMatchObject({ event: 'end', data: { ok: true } })
  })

  test('hears names and errors as they are, in JSON', async () => {
    const group = serviceGroup('shop').add(
      service('db', { start: () => Promise.reject(new Error('</script><script>alert(1)</script>\n\ndata: x')) }),
      { optional: true },
    )
    const port = await serve(express().use(dashboard(group)))
    const page = await watch(port)
    await group.start()
    await page.until(({ folded }) => folded?.service('shop/db')?.state.phase === 'failed')
    expect(page.folded?.service('shop/db')?.state).toMatchObject({
      error: { message: expect.stringContaining('</script><script>alert(1)</script>\n\ndata: x') },
    })
    expect(page.headers['x-content-type-options']).toBe('nosniff')
    await group.stop()
  })
})

const numbers = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n)
