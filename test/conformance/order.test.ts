import fc from 'fast-check'
import { job, type Service, serviceGroup } from 'rx-service-group'
import { recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

/** A service, or a group of some, one after the other or side by side. */
interface Node {
  readonly shape: 'service' | 'list' | 'branches'
  readonly times: readonly (readonly [start: number, stop: number])[]
  /** Of those before it in the order that nobody is told. */
  readonly needs: readonly number[]
}

interface Graph {
  readonly nodes: readonly Node[]
  /** Where each comes among those that are added. */
  readonly shuffle: readonly number[]
}

const anyGraph: fc.Arbitrary<Graph> = fc
  .array(
    fc.record({
      shape: fc.constantFrom('service', 'service', 'list', 'branches'),
      times: fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 3 }),
      needs: fc.array(fc.nat(7), { maxLength: 3 }),
    }) as fc.Arbitrary<Node>,
    { minLength: 1, maxLength: 8 },
  )
  .chain(nodes =>
    fc.record({
      nodes: fc.constant(
        nodes.map(({ needs, ...node }, n) => ({ ...node, needs: n === 0 ? [] : needs.map(need => need % n) })),
      ),
      shuffle: fc.shuffledSubarray([...nodes.keys()], { minLength: nodes.length }),
    }),
  )

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

/** How long a node takes by itself. */
const lengthOf = ({ shape, times }: Node, way: 0 | 1): number => {
  const all = times.map(time => time[way])
  return shape === 'service' ? (all[0] ?? 0) : shape === 'list' ? sum(all) : Math.max(0, ...all)
}

const nodeOf = (name: string, { shape, times }: Node, clock: VirtualTime): Service => {
  const leaf = (leafName: string, [start, stop]: readonly [number, number] = [0, 0]): Service =>
    plain(leafName, { start, stop, clock })
  if (shape === 'service') return leaf(name, times[0])
  const group = serviceGroup(name, { clock })
  for (const [i, time] of times.entries())
    group.add(leaf(`${name}${i}`, time), shape === 'list' ? {} : { dependsOn: [] })
  return group
}

/** When each may begin at the earliest, and when the last is done: each after all it waits for. */
const schedule = (
  waits: readonly (readonly number[])[],
  lengths: readonly number[],
  order: readonly number[],
): { readonly begins: readonly number[]; readonly total: number } => {
  const begins = lengths.map(() => 0)
  const end = (n: number): number => begins[n]! + lengths[n]!
  for (const n of order) begins[n] = Math.max(0, ...waits[n]!.map(end))
  return { begins, total: Math.max(...order.map(end)) }
}

describe('any graph, of services and groups', () => {
  test(
    'S2 S3 T2 starts each at the moment all it names are running, takes its longest path, and stops in reverse',
    () =>
      fc.assert(
        fc.asyncProperty(anyGraph, async ({ nodes, shuffle }) => {
          const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: Infinity })
          for (const n of shuffle)
            shop.add(nodeOf(`n${n}`, nodes[n]!, time), { dependsOn: nodes[n]!.needs.map(need => `n${need}`) })
          const trace = recordTrace(shop)
          const indices = [...nodes.keys()]
          const at = (when: 'startedAt' | 'stoppingAt'): readonly (number | null)[] =>
            indices.map(n => shop.status.services[`shop/n${n}`]![when])

          const start = schedule(
            nodes.map(({ needs }) => needs),
            nodes.map(node => lengthOf(node, 0)),
            indices,
          )
          const started = watch(shop.start())
          await time.advance(start.total)
          expect([started.now, shop.report.startTook]).toEqual(['resolved', start.total])
          expect(at('startedAt')).toEqual(start.begins)

          const stop = schedule(
            indices.map(n => indices.filter(other => nodes[other]!.needs.includes(n))),
            nodes.map(node => lengthOf(node, 1)),
            indices.toReversed(),
          )
          const stopped = watch(shop.stop())
          await time.advance(stop.total)
          expect([stopped.now, shop.report.stopTook, shop.report.ok]).toEqual(['resolved', stop.total, true])
          expect(at('stoppingAt')).toEqual(stop.begins.map(begin => begin + start.total))
          expect(trace.completed).toBe(true)
          expect(time.timers).toBe(0)
        }),
        { numRuns: 200 },
      ),
    60_000,
  )
})

describe('what one depends on can be a group', () => {
  test('S3 an empty one, which is running as soon as what it depends on is', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(plain('api'), { dependsOn: ['ready'] })
      .add(serviceGroup('ready', { clock: time }), { dependsOn: ['db'] })
      .add(plain('db', { start: 10, clock: time }))
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(10)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/api waiting for ready',
      '0 shop/ready waiting for db',
      '0 shop/db starting',
      '10 shop/db running',
      '10 shop/ready starting',
      '10 shop/ready running',
      '10 shop/api starting',
      '10 shop/api running',
      '10 shop running',
    ])
  })

  test('S3 a group of groups, whose deepest service is waited for', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const deep = plain('deep', { start: 'waits' })
    const api = plain('api')
    const inner = serviceGroup('inner', { clock: time }).add(serviceGroup('none')).add(deep)
    shop.add(api, { dependsOn: ['outer'] }).add(serviceGroup('outer', { clock: time }).add(inner), { dependsOn: [] })
    void shop.start()
    await time.settle()
    expect(shop.status.services['shop/api']?.state).toEqual({ phase: 'waiting', for: ['outer'] })
    expect(api.starts).toBe(0)
    deep.start.succeed()
    await time.settle()
    expect([api.ping(), shop.status.phase]).toEqual(['pong', 'running'])
    // And back: it is gone before what it depends on is asked to go.
    api.stop.will('waits')
    void shop.stop()
    await time.settle()
    expect([api.ping(), deep.ping()]).toEqual(['no answer', 'pong'])
    api.stop.succeed()
    await time.settle()
    expect([deep.ping(), shop.status.phase]).toEqual(['no answer', 'stopped'])
  })

  test('S3 a group of jobs only, which has done its work when all have', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const wait = (ms: number) => () => new Promise<void>(resolve => void time.schedule(() => resolve(), ms))
    const jobs = serviceGroup('jobs', { clock: time })
      .add(job('schema', wait(10)))
      .add(job('data', wait(20)))
    shop.add(plain('api'), { dependsOn: ['jobs'] }).add(jobs)
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(30)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/api waiting for jobs',
      '0 shop/jobs starting',
      '0 shop/jobs/schema starting',
      '10 shop/jobs/schema stopped (ended)',
      '10 shop/jobs/data starting',
      '30 shop/jobs/data stopped (ended)',
      '30 shop/jobs running',
      '30 shop/jobs running (leaving)',
      '30 shop/api starting',
      '30 shop/api running',
      '30 shop running',
      '30 shop/jobs stopping',
      '30 shop/jobs stopped (ended)',
    ])
  })

  test('S3 one whose optional service has failed is running, and so is what depends on it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const infra = serviceGroup('infra', { clock: time })
      .add(plain('cache', { start: 'rejects' }), { optional: true })
      .add(plain('db'))
    const api = plain('api')
    shop.add(api, { dependsOn: ['infra'] }).add(infra)
    await shop.start()
    expect([api.ping(), shop.status.health, shop.status.ready]).toEqual(['pong', 'warn', true])
    expect(shop.status.group.state).toMatchObject({ detail: 'infra: cache failed' })
  })
})

describe('what is refused', () => {
  const ring = (length: number): readonly (readonly [string, string])[] =>
    Array.from({ length }, (_, n) => [`s${n}`, `s${(n + 1) % length}`])

  test.each([1, 2, 3, 50])('S4 a cycle of %d, behind services that could start, starts nothing', async length => {
    const { time, shop } = shopUnderVirtualTime({ startTimeout: 1_000 })
    const db = plain('db')
    const probes = plain('probes')
    const fakes = ring(length).map(([name, needs]) => [plain(name), needs] as const)
    shop.add(db, { dependsOn: [] }).add(probes, { observer: true })
    for (const [fake, needs] of fakes) shop.add(fake, { dependsOn: ['db', needs] })
    const error = await rejectionOf(shop.start())
    const path = ring(length)
      .map(([name]) => name)
      .concat('s0')
      .join(' -> ')
    expect(error).toMatchObject({ code: 'ERR_CIRCULAR_DEPENDENCY', message: expect.stringContaining(`: ${path} (`) })
    expect([db, probes, ...fakes.map(([fake]) => fake)].every(({ starts, alive }) => starts === 0 && !alive)).toBe(true)
    expect(time.timers).toBe(0)
    expect(shop.report).toMatchObject({ ok: false, outcome: 'failed', errors: [{ code: 'ERR_CIRCULAR_DEPENDENCY' }] })
    expect(Object.values(shop.status.services).every(({ state }) => state.phase === 'stopped')).toBe(true)
  })

  test('S4 a refused group is over: what was in it can start in a new one', async () => {
    const { shop } = shopUnderVirtualTime()
    const a = plain('a')
    const b = plain('b')
    shop.add(a, { dependsOn: ['b'] }).add(b, { dependsOn: ['a'] })
    const error = await rejectionOf(shop.start())
    expect(await rejectionOf(shop.start())).toMatchObject({ code: 'ERR_GROUP_STOPPED', cause: error })
    expect(() => shop.add(plain('c'))).toThrow(expect.objectContaining({ code: 'ERR_GROUP_STOPPED' }))
    expect(await shop.stop()).toMatchObject({ ok: false, outcome: 'failed' })

    const anew = shopUnderVirtualTime()
      .shop.add(a)
      .add(b, { dependsOn: ['a'] })
    await anew.start()
    expect([a.ping(), b.ping(), a.starts, b.starts]).toEqual(['pong', 'pong', 1, 1])
  })

  test('S4 a name is looked up in its own group: not outside of it, and not inside another', async () => {
    const named = async (dependsOn: string, where: 'inside' | 'outside'): Promise<unknown> => {
      const { shop } = shopUnderVirtualTime()
      const inner = serviceGroup('inner').add(plain('deep'))
      if (where === 'inside') inner.add(plain('lost'), { dependsOn: [dependsOn] })
      shop.add(plain('db')).add(inner)
      if (where === 'outside') shop.add(plain('lost'), { dependsOn: [dependsOn] })
      return rejectionOf(shop.start())
    }
    expect(await named('deep', 'outside')).toMatchObject({
      code: 'ERR_UNKNOWN_DEPENDENCY',
      message: 'service "lost": dependsOn names "deep", which is not in the group; it has: db, inner, lost',
    })
    expect(await named('db', 'inside')).toMatchObject({
      code: 'ERR_UNKNOWN_DEPENDENCY',
      service: 'inner/lost',
      message: 'group "inner": service "lost": dependsOn names "db", which is not in the group; it has: deep, lost',
    })
  })

  test('S4 a cycle inside a nested group is refused before anything starts, in it or beside it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const [a, b, c] = [plain('a'), plain('b'), plain('c')]
    const inner = serviceGroup('inner', { clock: time })
      .add(c)
      .add(a, { dependsOn: ['b'] })
      .add(b, { dependsOn: ['a'] })
    shop.add(db).add(inner)
    expect(await rejectionOf(shop.start())).toMatchObject({
      code: 'ERR_CIRCULAR_DEPENDENCY',
      service: 'inner/a',
      message: expect.stringContaining('group "inner": service "a": circular dependency: a -> b -> a'),
    })
    expect([a.starts, b.starts, c.starts, db.starts]).toEqual([0, 0, 0, 0])
    expect(time.timers).toBe(0)
  })

  test('S4 a name may come again in another group, but not beside one like it', () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db')).add(serviceGroup('in').add(plain('db')))
    expect(Object.keys(shop.status.services)).toEqual(['shop/db', 'shop/in', 'shop/in/db'])
    expect(() => shop.add(serviceGroup('db'))).toThrow(expect.objectContaining({ code: 'ERR_DUPLICATE_NAME' }))
    expect(Object.keys(shop.status.services)).toEqual(['shop/db', 'shop/in', 'shop/in/db'])
  })

  test('S4 any graph with a way back is refused with a way that is there, and starts nothing', () =>
    fc.assert(
      fc.asyncProperty(anyGraph, fc.nat(7), fc.nat(7), async ({ nodes, shuffle }, one, other) => {
        const low = Math.min(one, other) % nodes.length
        const high = Math.max(one, other) % nodes.length
        const { time, shop } = shopUnderVirtualTime()
        const needs = nodes.map(node => new Set(node.needs))
        // A way from the one to the other, and back.
        needs[Math.max(low, high)]!.add(Math.min(low, high))
        needs[Math.min(low, high)]!.add(Math.max(low, high))
        const fakes = shuffle.map(n => [n, plain(`n${n}`)] as const)
        for (const [n, fake] of fakes) shop.add(fake, { dependsOn: [...needs[n]!].map(need => `n${need}`) })
        const error = (await rejectionOf(shop.start())) as Error
        expect(error).toMatchObject({ code: 'ERR_CIRCULAR_DEPENDENCY' })
        const way = /circular dependency: ([^(]*) \(/
          .exec(error.message)![1]!
          .split(' -> ')
          .map(name => Number(name.slice(1)))
        expect(way.length).toBeGreaterThan(1)
        expect(way.at(-1)).toBe(way[0])
        for (const [i, n] of way.slice(1).entries()) expect(needs[way[i]!]).toContain(n)
        expect(fakes.every(([, { starts }]) => starts === 0)).toBe(true)
        expect(time.timers).toBe(0)
      }),
    ))
})
