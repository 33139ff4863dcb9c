import { run, type ServiceGroup, serviceGroup, task } from 'rx-service-group'
import { afterEach, describe, expect, test } from 'vitest'
import { plain, rejectionOf, shopUnderVirtualTime, uncaughtDuring, watch } from './setup.ts'

/** The listeners of a signal that were added and not removed. */
const countListeners = (signal: AbortSignal): (() => number) => {
  let count = 0
  const { addEventListener: add, removeEventListener: remove } = signal
  Object.assign(signal, {
    addEventListener: (...all: Parameters<typeof add>) => {
      count++
      add.apply(signal, all)
    },
    removeEventListener: (...all: Parameters<typeof remove>) => {
      count--
      remove.apply(signal, all)
    },
  })
  return () => count
}

describe('the moment at which a group is ready', () => {
  test('V5 ready resolves with the last service that the group needs, and at once from then on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 20, clock: time })
    const slow = plain('slow', { start: 50, clock: time })
    shop.add(db).add(slow, { dependsOn: [] })
    const early = watch(shop.ready)
    const start = shop.start()
    const during = watch(shop.whenReady())
    await time.advance(49)
    expect([early.now, during.now, shop.status.ready]).toEqual(['pending', 'pending', false])
    await time.advance(1)
    expect([early.now, during.now, shop.status.ready]).toEqual(['resolved', 'resolved', true])
    await start
    await shop.ready
    await shop.stop()
    expect(time.timers).toBe(0)
  })

  test('V5 a group that runs is ready again when its service is well again', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db)
    await shop.start()
    db.setHealth('fail', 'no route')
    const again = watch(shop.ready)
    await Promise.resolve()
    expect([shop.status.ready, again.now]).toEqual([false, 'pending'])
    db.setHealth('pass')
    await shop.ready
    expect(again.now).toBe('resolved')
  })

  test('V5 a nested group has its own, and keeps it through a restart by the outer group', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const mailer = plain('mailer')
    const workers = serviceGroup('workers', { clock: time }).add(mailer)
    const api = plain('api', { start: 'waits' })
    shop.add(workers, { restart: { policy: 'permanent', initialDelay: 100, jitter: 0 } }).add(api)
    const [inner, outer] = [watch(workers.ready), watch(shop.ready)]
    void shop.start()
    await time.settle()
    expect([inner.now, outer.now]).toEqual(['resolved', 'pending'])
    mailer.die()
    const again = watch(workers.ready)
    await time.advance(99)
    expect(again.now).toBe('pending')
    await time.advance(1)
    expect(again.now).toBe('resolved')
  })
})

describe('a group that is over before it is ready', () => {
  const cases: Record<string, (shop: ServiceGroup<'shop'>) => void> = {
    'a failed start': shop => void shop.add(plain('db', { start: 'rejects' })),
    'a service that no other can do without': shop =>
      void shop.add(plain('db')).add(plain('api'), { dependsOn: ['nowhere'] }),
    'a start timeout': shop => void shop.add(plain('db', { start: 'hangs' }), { startTimeout: 5, stopTimeout: 5 }),
  }

  test.each(Object.entries(cases))('S5 %s: rejects with the error of start()', async (_, fill) => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 5 })
    fill(shop)
    const ready = rejectionOf(shop.ready)
    const start = rejectionOf(shop.start())
    await time.advance(100)
    const error = await start
    expect(await ready).toBe(error)
    // Afterwards too.
    expect(await rejectionOf(shop.ready)).toBe(error)
  })

  test('S9 the start timeout of the group is told, and S12 so is a stop before or during the start', async () => {
    const late = shopUnderVirtualTime({ startTimeout: 50 })
    late.shop.add(plain('db', { start: 'waits' }))
    late.shop.start().catch(() => {})
    const timedOut = rejectionOf(late.shop.ready)
    await late.time.advance(50)
    expect(await timedOut).toMatchObject({
      code: 'ERR_START_TIMEOUT',
      message: 'group "shop": start timed out after 50 ms; "db" is still starting',
    })

    for (const begins of [false, true]) {
      const { shop } = shopUnderVirtualTime()
      shop.add(plain('db', { start: 'waits' }))
      if (begins) shop.start().catch(() => {})
      const stopped = rejectionOf(shop.ready)
      await shop.stop('enough')
      expect(await stopped).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
      expect(await rejectionOf(shop.ready)).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    }
  })

  test('S5 a nested group rejects too, also when it never starts', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const workers = serviceGroup('workers', { clock: time }).add(plain('mailer', { start: 'rejects' }))
    const never = serviceGroup('never', { clock: time }).add(plain('x'))
    shop.add(workers).add(never)
    const both = [rejectionOf(workers.ready), rejectionOf(never.ready)]
    shop.start().catch(() => {})
    expect(await Promise.all(both)).toMatchObject([{ code: 'ERR_GROUP_FAILED' }, { code: 'ERR_GROUP_STOPPED' }])
  })

  test('S13 a failure is unhandled only for a caller that took the promise', async () => {
    const unhandled: unknown[] = []
    const hear = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', hear)
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db', { start: 'rejects' }))
    expect(await uncaughtDuring(() => shop.start().catch(() => {}))).toEqual([])
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', hear)
    expect(unhandled).toEqual([])
  })
})

describe('a signal', () => {
  test('X2 gives up with its reason, the group goes on, and no listener is left', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 'waits' })
    shop.add(db)
    const start = shop.start()
    const controller = new AbortController()
    const listeners = countListeners(controller.signal)
    const waiting = rejectionOf(shop.whenReady({ signal: controller.signal }))
    expect(listeners()).toBe(1)
    controller.abort('no time')
    expect(await waiting).toBe('no time')
    expect(await rejectionOf(shop.whenReady({ signal: controller.signal }))).toBe('no time')
    const other = new AbortController()
    const left = countListeners(other.signal)
    const ready = shop.whenReady({ signal: other.signal })
    db.start.succeed()
    await ready
    await start
    expect(left()).toBe(0)
    other.abort()
    expect(shop.status.ready).toBe(true)
  })

  test('X5 an option that is unknown or no signal is refused by name', async () => {
    const { shop } = shopUnderVirtualTime()
    expect(await rejectionOf(shop.whenReady({ singal: 1 } as never))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: 'group "shop": unknown option singal; did you mean signal?',
    })
    expect(await rejectionOf(shop.whenReady({ signal: 1 } as never))).toMatchObject({
      message: 'group "shop": signal must be an AbortSignal, got 1',
    })
  })
})

describe('under run', () => {
  const stops: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
  })

  test('V5 ready resolves whether it is read before run or after', async () => {
    const shop = serviceGroup('shop').add(plain('db'))
    const before = shop.ready
    const ran = run(shop, { report: false })
    stops.push(
      () => shop.stop(),
      () => ran,
    )
    await before
    await shop.ready
    expect(shop.status.phase).toBe('running')
  })

  test('S5 ready rejects with the failure of the group', async () => {
    const shop = serviceGroup('shop').add(plain('db', { start: 'rejects' }))
    const before = rejectionOf(shop.ready)
    const report = await run(shop, { report: false })
    expect(report.ok).toBe(false)
    expect(await before).toMatchObject({ code: 'ERR_GROUP_FAILED', cause: { code: 'ERR_START_FAILED', service: 'db' } })
  })

  test('S12 a group without work was ready before it ended', async () => {
    const shop = serviceGroup('shop').add(task('once', () => undefined))
    const ready = watch(shop.ready)
    await run(shop, { report: false })
    expect(ready.now).toBe('resolved')
  })
})

test('X7 a task that awaits ready goes on when the group is ready', async () => {
  const { shop } = shopUnderVirtualTime()
  const heard: string[] = []
  shop.add(
    task('main', async () => {
      await shop.ready
      heard.push(shop.status.phase)
    }),
  )
  await shop.start()
  await shop.ready
  await Promise.resolve()
  expect(heard).toEqual(['running'])
})
