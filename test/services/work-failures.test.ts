import { Registry } from 'prom-client'
import { type FailureEvent, serviceGroup } from 'rx-service-group'
import { metrics } from 'rx-service-group/metrics'
import { schedule } from 'rx-service-group/schedule'
import { virtualTime } from 'rx-service-group/testing'
import { expect, test } from 'vitest'

test('each failed run of a schedule is an event with its error, and is counted', async () => {
  const time = virtualTime()
  let runs = 0
  const tick = () => {
    if (++runs !== 2) throw new Error(`no route, run ${runs}`)
  }
  const group = serviceGroup('shop', { clock: time }).add(schedule('poll', '*/5 * * * * *', tick, { clock: time }))
  const failures: FailureEvent[] = []
  group.events$.subscribe(event => {
    if (event.kind === 'failure') failures.push(event)
  })
  const registry = new Registry()
  metrics(group, { registry })
  const started = group.start()
  await time.advance(16_000)
  await started
  expect(failures.map(({ path, what, error }) => [path, what, error.message])).toEqual([
    ['shop/poll', 'run of 1970-01-01T00:00:05.000Z', 'no route, run 1'],
    ['shop/poll', 'run of 1970-01-01T00:00:15.000Z', 'no route, run 3'],
  ])
  expect(await registry.metrics()).toContain('service_group_service_work_failures_total{group="shop",service="poll"} 2')
  const stopped = group.stop()
  await time.advance(1_000)
  expect((await stopped).ok).toBe(true)
})
