import { type Service, type ServiceState, serviceGroup } from 'rx-service-group'
import { virtualTime } from 'rx-service-group/testing'
import { NEVER, Observable } from 'rxjs'
import { expect, test } from 'vitest'

/** What the start of a group fails with whose service has such a lifecycle. */
const failureOf = async (lifecycle: unknown): Promise<unknown> => {
  const group = serviceGroup('shop', { clock: virtualTime() }).add({ name: 'hand', lifecycle } as Service)
  return group.start().then(
    () => 'it started',
    error => error.cause,
  )
}

const saying =
  (...said: readonly unknown[]) =>
  () =>
    new Observable<ServiceState>(out => {
      for (const state of said) out.next(state as ServiceState)
    })

test.each<[readonly unknown[], string]>([
  [[undefined], 'said undefined, which is no state'],
  [[null], 'said null, which is no state'],
  [['running'], 'said "running", which is no state'],
  [[{}], 'said the unknown phase undefined; known are idle, waiting, starting, '],
  [[{ phase: 'up' }], 'said the unknown phase "up"'],
  [[{ phase: 'toString' }], 'said the unknown phase "toString"'],
  [[{ phase: 'running' }], 'said "running" with health undefined'],
  [[{ phase: 'running', health: 'unhealthy' }], 'said "running" with health "unhealthy"'],
  [[{ phase: 'starting', attempt: 1 }, { phase: 'stopping' }], 'said "stopping" without a reason'],
  [[{ phase: 'failed' }], 'said "failed" without an error'],
  [[{ phase: 'stopped' }], 'said "stopped" with how undefined'],
  [[{ phase: 'starting', attempt: 1 }, { phase: 'drained' }], 'said "drained" after "starting"; what can follow is '],
])('X5 a lifecycle that says %j fails by name', async (said, message) => {
  expect(await failureOf(saying(...said))).toMatchObject({
    code: 'ERR_ILLEGAL_STATE',
    service: 'hand',
    message: expect.stringContaining(`service "hand": its lifecycle ${message}`),
  })
})

test.each<[string, () => unknown]>([
  ['undefined', () => undefined],
  ['5', () => 5],
  ['{}', () => Promise.resolve()],
])('X5 a lifecycle that is %s and no Observable fails by name', async (shown, lifecycle) => {
  expect(await failureOf(lifecycle)).toMatchObject({
    code: 'ERR_ILLEGAL_STATE',
    message: `service "hand": lifecycle() must return an Observable of states, got ${shown}`,
  })
})

test('X5 one that goes wrong later fails, is unsubscribed, and can be restarted', async () => {
  const time = virtualTime()
  let lives = 0
  let left = 0
  const service: Service = {
    name: 'hand',
    lifecycle: () =>
      new Observable(out => {
        lives++
        out.next({ phase: 'running', health: 'pass' })
        if (lives === 1) time.schedule(() => out.next({ phase: 'starting', attempt: 2 }), 10)
        return () => {
          left++
        }
      }),
  }
  const group = serviceGroup('shop', { clock: time }).add(service, { restart: { policy: 'transient', jitter: 0 } })
  await group.start()
  await time.advance(10)
  expect(group.status.service('shop/hand')?.state).toMatchObject({
    phase: 'backoff',
    error: { message: expect.stringContaining('said "starting" after "running"') },
  })
  await time.advance(500)
  expect([lives, left, group.status.phase]).toEqual([2, 1, 'running'])
  const stop = group.stop()
  await time.advance(20_000)
  await stop
})

test('what a lifecycle says after its end is passed over', async () => {
  const time = virtualTime()
  const said: ServiceState[] = [
    { phase: 'running', health: 'pass' },
    { phase: 'stopped', how: 'ended' },
    { phase: 'running', health: 'pass' },
  ]
  const group = serviceGroup('shop', { clock: time }).add({
    name: 'hand',
    lifecycle: () =>
      new Observable(out => {
        for (const state of said) out.next(state)
        out.complete()
      }),
  })
  group.add({ name: 'never', lifecycle: () => NEVER }, { startTimeout: 10 })
  group.start().catch(() => undefined)
  await time.settle()
  expect(group.status.service('shop/hand')?.state).toMatchObject({ phase: 'stopped', how: 'ended' })
})
