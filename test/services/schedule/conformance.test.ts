import { once } from 'node:events'
import type { Clock } from 'rx-service-group'
import { schedule, type TickContext } from 'rx-service-group/schedule'
import { serviceConformance } from 'rx-service-group/testing'
import { asyncScheduler, firstValueFrom, Subject, timeout } from 'rxjs'
import { describe, test } from 'vitest'
import { gate } from '../http/driver.ts'

const START = Date.now()
const TIMES = 20

/** Its seconds last 50 ms. */
const fast: Clock = {
  now: () => START + (Date.now() - START) * TIMES,
  schedule: (work, delay = 0, state) => asyncScheduler.schedule(work as () => void, delay / TIMES, state),
}

describe('the schedule is like any other service', () => {
  const ended$ = new Subject<void>()
  const begun$ = new Subject<void>()
  let slow: Promise<void> | undefined

  const tick = async ({ signal }: TickContext) => {
    begun$.next()
    await Promise.race([slow, once(signal, 'abort')])
    if (!signal.aborted) ended$.next()
  }
  const next = (what$: Subject<void>) => firstValueFrom(what$.pipe(timeout(1_000)))

  const checks = serviceConformance({
    create: () => {
      slow = undefined
      return schedule('poll', '* * * * * *', tick, { clock: fast })
    },
    use: () => next(ended$),
    work: async () => {
      const go = gate()
      slow = go.opened
      await next(begun$)
      const done = firstValueFrom(ended$)
      return {
        done,
        finish: () => {
          slow = undefined
          go.open()
        },
      }
    },
  })
  for (const { name, run } of checks) test(name, run)
})
