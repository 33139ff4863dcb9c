import { type Service, serviceGroup } from 'rx-service-group'
import { type EventLoopDelayOptions, eventLoopDelay } from 'rx-service-group/event-loop'
import { fakeService, recordTrace, type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { monitorDelay } from '../../../src/services/event-loop/monitor.ts'
import { startProgram } from '../../support/child.ts'

/** A monitor each second, and a gauge that reads these delays, then 0. */
const monitored = (
  delays: readonly number[],
  settings: EventLoopDelayOptions = {},
): { time: VirtualTime; loop: Service<'loop'>; gauges: { running: number; read: number } } => {
  const time = virtualTime()
  const gauges = { running: 0, read: 0 }
  const startGauge = () => {
    gauges.running++
    return {
      read: () => {
        const p99 = delays[gauges.read++] ?? 0
        return { p50: 1, p99, max: p99 }
      },
      stop: () => void gauges.running--,
    }
  }
  const all = { interval: 1_000, warn: 100, fail: 1_000, threshold: 3, ...settings }
  return { time, gauges, loop: monitorDelay('loop', all, startGauge, time) }
}

describe('a group with an event loop that is late', () => {
  test('is as well as the loop: worse and better after so many in a row, each told once', async () => {
    const { time, loop, gauges } = monitored([0, 150, 150, 200, 1_500, 1_500, 1_500, 20, 20, 20])
    const shop = serviceGroup('shop', { clock: time })
      .add(loop, { observer: true })
      .add(fakeService('db', { drain: 'absent' }))
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    expect(gauges.running).toBe(1)
    await time.advance(6_500)
    expect([shop.status.health, shop.status.ready]).toEqual(['warn', true])
    await time.advance(500)
    expect([shop.status.health, shop.status.ready]).toEqual(['fail', false])
    await time.advance(10_000)
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    expect(trace.lines.slice(6)).toEqual([
      '1000 shop/loop running {p50: 1, p99: 0, max: 0}',
      '2000 shop/loop running {p50: 1, p99: 150, max: 150}',
      '4000 shop/loop running warn "event loop delay: p99 200 ms" {p50: 1, p99: 150, max: 150}',
      '4000 shop running warn "loop: event loop delay: p99 200 ms"',
      '5000 shop/loop running warn "event loop delay: p99 200 ms" {p50: 1, p99: 1500, max: 1500}',
      '5000 shop/loop running warn "event loop delay: p99 1.5 s" {p50: 1, p99: 1500, max: 1500}',
      '5000 shop running warn "loop: event loop delay: p99 1.5 s"',
      '7000 shop/loop running fail "event loop delay: p99 1.5 s" {p50: 1, p99: 1500, max: 1500}',
      '7000 shop running fail "loop: event loop delay: p99 1.5 s"',
      '8000 shop/loop running fail "event loop delay: p99 1.5 s" {p50: 1, p99: 20, max: 20}',
      '10000 shop/loop running {p50: 1, p99: 20, max: 20}',
      '10000 shop running',
    ])
    await shop.stop()
    expect([gauges.running, time.timers]).toEqual([0, 0])
  })

  test('one pause is told, and changes no health', async () => {
    const { time, loop } = monitored([0, 5_000, 0])
    const shop = serviceGroup('shop', { clock: time }).add(loop)
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    await time.advance(60_000)
    expect(trace.lines.slice(4)).toEqual([
      '1000 shop/loop running {p50: 1, p99: 0, max: 0}',
      '2000 shop/loop running {p50: 1, p99: 5000, max: 5000}',
      '3000 shop/loop running {p50: 1, p99: 0, max: 0}',
    ])
    await shop.stop()
  })

  test('as an observer it is there to the last, and does not hold up the end', async () => {
    const { time, loop, gauges } = monitored([])
    const work = fakeService('work', { drain: 'absent' })
    const shop = serviceGroup('shop', { clock: time }).add(work).add(loop, { observer: true })
    await shop.start()
    work.end()
    await time.settle()
    expect([shop.status.phase, gauges.running, time.timers]).toEqual(['stopped', 0, 0])
  })

  test('whoever hears of a sample may stop it there and then', async () => {
    const { time, loop, gauges } = monitored([150], { threshold: 1 })
    const shop = serviceGroup('shop', { clock: time }).add(loop)
    await shop.start()
    shop.health$.subscribe(({ health }) => {
      if (health === 'warn') void shop.stop()
    })
    await time.advance(5_000)
    expect([shop.status.phase, gauges, time.timers]).toEqual(['stopped', { running: 0, read: 1 }, 0])
  })

  test('each incarnation has a gauge of its own', async () => {
    const { time, loop, gauges } = monitored([])
    for (let n = 0; n < 2; n++) {
      const shop = serviceGroup('shop', { clock: time }).add(loop)
      await shop.start()
      expect(gauges.running).toBe(1)
      await shop.stop()
      expect(gauges.running).toBe(0)
    }
  })
})

describe('eventLoopDelay', () => {
  test('is called event-loop unless told otherwise', () => {
    expect([eventLoopDelay().name, eventLoopDelay('lag').name]).toEqual(['event-loop', 'lag'])
  })

  test.each<[EventLoopDelayOptions, string]>([
    [{ interval: 0 }, 'ERR_INVALID_DURATION'],
    [{ interval: Number.NaN }, 'ERR_INVALID_DURATION'],
    [{ warn: 0 }, 'ERR_INVALID_DURATION'],
    [{ fail: -1 }, 'ERR_INVALID_DURATION'],
    [{ threshold: 0 }, 'ERR_INVALID_OPTION'],
  ])('%o is refused at once', (options, code) => {
    expect(() => eventLoopDelay('loop', options)).toThrow(expect.objectContaining({ code, service: 'loop' }))
  })

  test('a loop that really is blocked turns the group warn, then fail, and pass again; nothing is left behind', async () => {
    const { code, output } = await startProgram(new URL('./late-process.ts', import.meta.url)).ended
    // A busy machine may make it late on its own account as well.
    expect(output).toMatch(/^pass true\n(.*\n)*?warn true event-loop: event loop delay: p99 \d{3} ms\n/)
    expect(output).toMatch(/\nfail false event-loop: event loop delay: p99 \d{3,5} ms\n(.*\n)*?pass true\n/)
    expect(output).toMatch(/alive because of: \nstopped\n$/)
    expect(code).toBe(0)
  }, 30_000)
})
