import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type Job, Queue, Worker } from 'bullmq'
import { serviceGroup } from 'rx-service-group'
import { bullmqWorker } from 'rx-service-group/bullmq'
import { serviceConformance } from 'rx-service-group/testing'
import { filter, firstValueFrom, Subject, timeout } from 'rxjs'
import { afterEach, describe, expect, test } from 'vitest'
import { useRedis } from '../../support/redis.ts'
import { gate } from '../http/driver.ts'

const redis = useRedis()
const done$ = new Subject<string>()
const began$ = new Subject<string>()
let held: Promise<void> | undefined

const processor = async ({ data }: Job<string>, _token?: string, signal?: AbortSignal) => {
  began$.next(data)
  if (data === 'fail') throw new Error('no such address')
  if (data === 'held') await Promise.race([held, once(signal!, 'abort')])
  if (signal?.aborted) throw new Error('it was cut')
  done$.next(data)
}

/** A queue of its own, and its worker as a service. */
const mails = (options: object = {}) => {
  const queue = `q${randomUUID()}`
  const connection = { url: redis.url }
  const worker = bullmqWorker(
    'mails',
    processor,
    counted => new Worker(queue, counted, { connection, concurrency: 2, ...options }),
  )
  const add = async (data: string) => {
    const into = new Queue<string>(queue, { connection })
    await into.add('welcome', data)
    await into.close()
  }
  const counts = async () => {
    const of = new Queue(queue, { connection })
    const { active, waiting, completed } = await of.getJobCounts()
    await of.close()
    return { active, waiting, completed }
  }
  const group = serviceGroup('shop').add(worker)
  groups.push(group)
  return { queue, worker, add, counts, group, stateOf: () => group.status.service('shop/mails')!.state }
}
const groups: { stop(how: object): unknown }[] = []
afterEach(async () => {
  for (const group of groups.splice(0)) await group.stop({ force: true })
})
const next = (all$: Subject<string>, data: string) =>
  firstValueFrom(
    all$.pipe(
      filter(one => one === data),
      timeout(5_000),
    ),
  )

describe('a worker is like any other service', () => {
  let latest: ReturnType<typeof mails>
  const checks = serviceConformance({
    create: () => {
      latest = mails()
      return latest.worker
    },
    use: async () => {
      const done = next(done$, 'one')
      await latest.add('one')
      await done
    },
    work: async () => {
      const { open, opened } = gate()
      held = opened
      const began = next(began$, 'held')
      await latest.add('held')
      await began
      return { finish: open, done: next(done$, 'held') }
    },
    broken: () =>
      bullmqWorker('mails', processor, () => {
        throw new Error('no such queue')
      }),
  })
  for (const { name, run } of checks) test(name, run, 20_000)
})

test('draining, it finishes its jobs, tells how many they are, and leaves the others in Redis', async () => {
  const { open, opened } = gate()
  held = opened
  const { add, group, stateOf, counts } = mails()
  await group.start()
  for (let n = 0; n < 5; n++) await add('held')
  await expect.poll(counts).toEqual({ active: 2, waiting: 3, completed: 0 })
  const stopped = group.stop()
  await expect.poll(stateOf).toMatchObject({ phase: 'draining', pending: 2 })
  open()
  expect(await stopped).toMatchObject({ ok: true })
  expect(await counts()).toEqual({ active: 0, waiting: 3, completed: 2 })
}, 20_000)

test('jobs that are left after the drain time are cut, and told', async () => {
  held = new Promise(() => {})
  const { add, worker, queue } = mails()
  const group = serviceGroup('shop').add(worker, { drainTimeout: 100 })
  await group.start()
  const began = next(began$, 'held')
  await add('held')
  await began
  const { services } = await group.stop()
  expect(services[0]).toMatchObject({ info: { cut: 1, cutWork: expect.stringMatching(RegExp(`^${queue}/1 \\(`)) } })
}, 20_000)

test('a job that fails is told as an event, and the worker lives on', async () => {
  const { add, group, queue } = mails()
  await group.start()
  const failed = firstValueFrom(group.events$.pipe(filter(event => event.kind === 'failure')))
  await add('fail')
  expect(await failed).toMatchObject({
    path: 'shop/mails',
    what: `job ${queue}/1`,
    error: { message: 'no such address' },
  })
  const done = next(done$, 'one')
  await add('one')
  await done
}, 20_000)

test('fails by its health while Redis is away, and is well and works once it is back', async () => {
  const { add, group, stateOf } = mails()
  await group.start()
  await redis.stop()
  await expect.poll(stateOf).toMatchObject({ health: 'fail', detail: expect.stringMatching(/^Redis: .*ECONNREFUSED/) })
  await redis.start()
  await expect.poll(stateOf).toMatchObject({ health: 'pass' })
  const done = next(done$, 'one')
  await add('one')
  await done
  expect(await group.stop()).toMatchObject({ ok: true })
}, 40_000)

test('it stops gracefully while Redis is away', async () => {
  const { group, stateOf } = mails()
  await group.start()
  await redis.stop()
  try {
    await expect.poll(stateOf).toMatchObject({ health: 'fail' })
    expect((await group.stop()).services[0]).toMatchObject({ outcome: 'stopped' })
  } finally {
    await redis.start()
  }
}, 40_000)

test('waits at its start for a Redis that is away, and tells why', async () => {
  await redis.stop()
  const { group, stateOf } = mails()
  const started = group.start()
  try {
    await expect
      .poll(stateOf)
      .toMatchObject({ phase: 'starting', info: { waitsFor: expect.stringMatching(/^Redis: .*ECONNREFUSED/) } })
  } finally {
    await redis.start()
  }
  await started
  expect(stateOf()).toMatchObject({ phase: 'running', info: { waitsFor: null } })
}, 40_000)

test('a start that times out tells what Redis said', async () => {
  const connection = { port: 1, host: '127.0.0.1' }
  const worker = bullmqWorker('mails', processor, counted => new Worker('mails', counted, { connection }))
  const group = serviceGroup('shop').add(worker, { startTimeout: 300 })
  await expect(group.start()).rejects.toThrow(/start timed out after 300 ms.*ECONNREFUSED/)
}, 20_000)

test.each([
  ['processor', [undefined, () => {}]],
  ['create', [processor, {}]],
] as const)('refuses a %s that is no function', (option, given) => {
  const made = () => bullmqWorker('mails', ...(given as unknown as [typeof processor, never]))
  expect(made).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(option) }),
  )
})
