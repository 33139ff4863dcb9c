import { type AddOptions, type GroupOptions, mermaid, type ServiceGroup, serviceGroup } from 'rx-service-group'
import { type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { asked, plain, shopUnderVirtualTime } from './setup.ts'

test('S2 a plan tells the levels and the order of a group, and starts nothing', async () => {
  const { time, shop } = shopUnderVirtualTime()
  const [db, deep] = [plain('db'), plain('deep')]
  const workers = serviceGroup('workers', { clock: time }).add(deep).add(plain('mailer'), { optional: true })
  shop
    .add(db)
    .add(plain('cache'), { dependsOn: [], optional: true })
    .add(workers, { dependsOn: ['db'] })
    .add(plain('api'))
    .add(plain('status'), { observer: true })
  const { levels, services } = shop.plan()
  expect(levels).toEqual([['shop/status'], ['shop/db', 'shop/cache'], ['shop/workers'], ['shop/api']])
  expect(services.map(({ path, after }) => `${path} after ${after.join(', ')}`)).toEqual([
    'shop/status after ',
    'shop/db after shop/status',
    'shop/cache after shop/status',
    'shop/workers after shop/db',
    'shop/workers/deep after ',
    'shop/workers/mailer after shop/workers/deep',
    'shop/api after shop/db, shop/cache, shop/workers',
  ])
  expect(services.find(({ path }) => path === 'shop/db')).toEqual({
    path: 'shop/db',
    level: 1,
    after: ['shop/status'],
    startTimeout: 30_000,
    drainTimeout: 10_000,
    stopTimeout: 10_000,
  })
  expect(services.filter(({ optional }) => optional).map(({ path }) => path)).toEqual([
    'shop/cache',
    'shop/workers/mailer',
  ])
  await time.settle()
  expect([...asked(db), ...asked(deep)]).toEqual([])
  expect({ phase: shop.status.phase, timers: time.timers }).toEqual({ phase: 'idle', timers: 0 })
})

test('S4 a plan of a group that has no order is refused as its start is', () => {
  const circle = serviceGroup('shop')
    .add(plain('a'), { dependsOn: ['b'] })
    .add(plain('b'), { dependsOn: ['a'] })
  expect(() => circle.plan()).toThrow(expect.objectContaining({ code: 'ERR_CIRCULAR_DEPENDENCY' }))
  const unknown = serviceGroup('shop').add(plain('a'), { dependsOn: ['nobody'] })
  expect(() => unknown.plan()).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_DEPENDENCY' }))
})

/** What hangs in all of its hooks once it runs. */
const HANGS = { drain: 'waits', stop: 'waits', force: 'waits' } as const

type Build = (shop: ServiceGroup<'shop'>, time: VirtualTime) => unknown

const hanging = (name: string, time: VirtualTime) => plain(name, { clock: time, ...HANGS })

/** Groups whose services all hang; their longest stop is what a stop of them really takes. */
const WORST: Readonly<Record<string, readonly [GroupOptions, Build]>> = {
  'a list': [{ shutdownTimeout: Infinity }, (shop, time) => shop.add(hanging('db', time)).add(hanging('api', time))],
  'a list with a limit': [{}, (shop, time) => shop.add(hanging('db', time)).add(hanging('api', time))],
  'a limit that is not reached': [
    { shutdownTimeout: 60_000, drainDelay: 5_000, forceTimeout: 300 },
    (shop, time) => shop.add(hanging('db', time), { drainTimeout: 2_000, stopTimeout: 400 } as AddOptions<never>),
  ],
  'a tree': [
    { shutdownTimeout: Infinity },
    (shop, time) =>
      shop
        .add(hanging('db', time), { stopTimeout: 1_000 })
        .add(hanging('a', time), { dependsOn: ['db'], drainTimeout: 3_000 })
        .add(hanging('b', time), { dependsOn: ['db'], stopTimeout: 4_000 }),
  ],
  'an observer': [
    { shutdownTimeout: Infinity },
    (shop, time) => shop.add(hanging('db', time)).add(hanging('status', time), { observer: true }),
  ],
}

describe('T7 the longest stop of a plan is how long a stop takes when all hang', () => {
  test.each(Object.entries(WORST))('T7 %s', async (_, [options, build]) => {
    const { time, shop } = shopUnderVirtualTime(options)
    build(shop, time)
    const { longestStop, grace, kubernetes } = shop.plan()
    await shop.start()
    const from = time.now()
    let took = Infinity
    void shop.stop().then(() => {
      took = time.now() - from
    })
    await time.advance(longestStop)
    expect(took).toBe(longestStop)
    expect({ grace, kubernetes }).toEqual({
      grace: longestStop + 1_000,
      kubernetes: `terminationGracePeriodSeconds: ${Math.ceil(longestStop / 1_000) + 1}`,
    })
  })

  test('T7 a nested group takes what its services take, and no longer than it may', () => {
    const time = virtualTime()
    const planOf = (inner: GroupOptions, options: AddOptions<never> = {}) =>
      serviceGroup('shop', { clock: time, shutdownTimeout: Infinity })
        .add(
          serviceGroup('workers', { clock: time, ...inner })
            .add(plain('a'))
            .add(plain('b')),
          options,
        )
        .plan()
    expect(planOf({})).toMatchObject({ longestStart: 60_000, longestStop: 32_000 })
    expect(planOf({ shutdownTimeout: 5_000, startTimeout: 20_000 })).toMatchObject({
      longestStart: 20_000,
      longestStop: 16_000,
    })
    expect(planOf({}, { startTimeout: 7_000, drainTimeout: 2_000, stopTimeout: 3_000 })).toMatchObject({
      longestStart: 7_000,
      longestStop: 6_000,
    })
  })

  test('T7 nothing is longer than Infinity, and an empty group takes no time', () => {
    const endless = serviceGroup('shop', { shutdownTimeout: Infinity }).add(plain('db'), { stopTimeout: Infinity })
    expect(endless.plan()).toMatchObject({ longestStop: Infinity, grace: Infinity, kubernetes: '' })
    expect(serviceGroup('shop').plan()).toMatchObject({ longestStart: 0, longestStop: 0, levels: [], services: [] })
  })
})

test('S2 the picture of a plan has a frame for each group, and names that can not break it', () => {
  const shop = serviceGroup('shop')
    .add(plain('db'))
    .add(serviceGroup('workers').add(plain('mail "x"; end')), { dependsOn: ['db'] })
    .add(plain('cache'), { dependsOn: [], optional: true })
    .add(plain('status'), { observer: true })
  expect(mermaid(shop.plan()).split('\n')).toEqual([
    'flowchart TB',
    '  subgraph group["shop"]',
    '    s0(["status"])',
    '    s1["db"]',
    '    s2["cache"]',
    '    subgraph s3["workers"]',
    '      s4["mail #34;x#34;#59; end"]',
    '    end',
    '  end',
    '  s0 --> s1',
    '  s0 --> s2',
    '  s1 --> s3',
    '  classDef optional stroke-dasharray: 4',
    '  class s2 optional',
  ])
})
