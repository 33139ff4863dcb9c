import { type HookResult, type Service, service, serviceGroup } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { rejectionOf } from './setup.ts'

// Linear growth is for the benchmarks to show; here nothing may overflow the stack or be forgotten.
const MANY = 100_000
const FEWER = 20_000

const hooks: readonly (readonly [string, () => HookResult])[] = [
  ['that return at once', () => undefined],
  ['that are promises', () => Promise.resolve()],
]

describe.each(hooks)('with hooks %s', (_, hook) => {
  test('S1 T1 a hundred thousand services start and stop without overflowing the stack', {
    timeout: 60_000,
  }, async () => {
    const group = serviceGroup('many')
    const log: number[] = []
    for (let i = 0; i < MANY; i++)
      group.add(
        service(`s${i}`, {
          start: hook,
          stop: () => {
            log.push(i)
            return hook()
          },
        }),
      )
    await group.start()
    expect(group.status.phase).toBe('running')
    const report = await group.stop()
    expect(report.ok).toBe(true)
    expect(report.services).toHaveLength(MANY)
    expect(log).toHaveLength(MANY)
    expect(log.every((i, n) => i === MANY - 1 - n)).toBe(true)
  })
})

test('S5 the last of twenty thousand fails: all the others are stopped', { timeout: 60_000 }, async () => {
  const group = serviceGroup('many')
  let stopped = 0
  for (let i = 0; i < FEWER; i++) group.add(service(`s${i}`, { stop: () => void stopped++ }))
  group.add(service('last', { start: () => Promise.reject(new Error('no')) }))
  expect(await rejectionOf(group.start())).toMatchObject({ service: 'many/last' })
  expect(stopped).toBe(FEWER)
})

test('S2 T2 a wide graph, and a deep one', { timeout: 60_000 }, async () => {
  const group = serviceGroup('graph')
  const deep = FEWER / 2
  let running = 0
  const counted = (name: string): Service => service(name, { start: () => void running++, stop: () => void running-- })
  group.add(counted('root'), { dependsOn: [] })
  for (let i = 0; i < deep; i++) {
    group.add(counted(`wide${i}`), { dependsOn: ['root'] })
    group.add(counted(`deep${i}`), { dependsOn: [i === 0 ? 'root' : `deep${i - 1}`] })
  }
  await group.start()
  expect(running).toBe(2 * deep + 1)
  expect(await group.stop()).toMatchObject({ ok: true })
  expect(running).toBe(0)
})

test('S3 groups nested a hundred deep', async () => {
  const log: string[] = []
  let group = serviceGroup('g0').add(
    service('leaf', { start: () => void log.push('up'), stop: () => void log.push('down') }),
  )
  for (let i = 1; i < 100; i++) group = serviceGroup(`g${i}`).add(group) as unknown as typeof group
  await group.start()
  expect(Object.keys(group.status.services)).toHaveLength(100)
  expect(await group.stop()).toMatchObject({ ok: true })
  expect(log).toEqual(['up', 'down'])
})
