import { type Service, type ServiceState, serviceGroup } from 'rx-service-group'
import { recordTrace, virtualTime } from 'rx-service-group/testing'
import { concat, NEVER, Observable, of, timer } from 'rxjs'
import { ignoreElements } from 'rxjs/operators'
import { describe, expect, test } from 'vitest'
import { plain } from '../../conformance/setup.ts'

const RUNNING = { phase: 'running', health: 'pass' } as const
const STOPPED = { phase: 'stopped', how: 'stopped' } as const

/** One that, asked to stop, says at once that it has stopped, and is gone later. */
const talker = (name: string, gone: Observable<never>): Service => ({
  name,
  lifecycle: shutdown$ =>
    new Observable<ServiceState>(out => {
      out.next(RUNNING)
      out.add(
        shutdown$.subscribe(({ step, reason }) => {
          if (step !== 'stop') return
          out.next({ phase: 'stopping', reason })
          out.add(concat(of(STOPPED), gone).subscribe(out))
        }),
      )
    }),
})

describe('a service is gone when it completes, not when it says so', () => {
  test('T1 those before it go on serving until then', async () => {
    const time = virtualTime()
    const db = plain('db')
    const late = talker('late', timer(100, time).pipe(ignoreElements()))
    const shop = serviceGroup('shop', { clock: time }).add(db).add(late)
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stopped = shop.stop()
    await time.advance(99)
    expect(db.ping()).toBe('pong')
    await time.advance(1)
    expect((await stopped).ok).toBe(true)
    expect(trace.lines.filter(line => line.includes('stop'))).toEqual([
      '0 shop stopping',
      '0 shop/late stopping',
      '100 shop/late stopped',
      '100 shop/db stopping',
      '100 shop/db stopped',
      '100 shop stopped',
    ])
    expect(time.timers).toBe(0)
  })

  test('T5 one that never completes is forced at its deadline, and abandoned', async () => {
    const time = virtualTime()
    const shop = serviceGroup('shop', { clock: time }).add(talker('late', NEVER), { stopTimeout: 500 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stopped = shop.stop()
    await time.advance(1_500)
    expect(await stopped).toMatchObject({ ok: false, services: [{ path: 'shop/late', outcome: 'abandoned' }] })
    expect(trace.lines.at(-1)).toBe('1500 shop stopped (abandoned)')
    expect(time.timers).toBe(0)
  })

  test('T5 one that leaves by itself and never completes has its stop time, too', async () => {
    const time = virtualTime()
    const late: Service = { name: 'late', lifecycle: () => concat(of(RUNNING, STOPPED), NEVER) }
    const shop = serviceGroup('shop', { clock: time }).add(late, { stopTimeout: 500 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    await time.advance(1_500)
    expect(trace.lines[0]).toBe('1500 shop/late stopped (abandoned) ERR_ABANDONED')
    expect((await shop.stop()).ok).toBe(false)
    expect(time.timers).toBe(0)
  })
})

test('T5 T7 one that was forced tells since when, whether its own time ran out or that of the whole', async () => {
  const time = virtualTime()
  const slow = plain('slow', { stop: 'hangs' })
  const patient = plain('patient', { stop: 'waits' })
  const shop = serviceGroup('shop', { clock: time, shutdownTimeout: 700, forceTimeout: 50 })
    .add(patient, { stopTimeout: Infinity })
    .add(slow, { stopTimeout: 500 })
  await shop.start()
  const stopped = shop.stop()
  await time.advance(800)
  await stopped
  const forced = shop.status.list.map(({ path, state }) => [
    path,
    state.phase === 'stopped' ? state.forcedAt : undefined,
  ])
  expect(forced).toEqual([
    ['shop/patient', 700],
    ['shop/slow', 500],
  ])
})
