import { EMPTY, NEVER, Observable, of, Subject } from 'rxjs'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { conduct, GRACEFUL, leadSteps } from '../../src/core/shutdown.ts'
import type { ServiceState, StopReason } from '../../src/core/state.ts'
import type { Shutdown } from '../../src/core/steps.ts'

const reason: StopReason = { by: 'call' }

test('a step is looked at only once it has been told, and the next one is told when it is done', () => {
  const log: string[] = []
  const done$ = new Subject<void>()
  const steps$ = leadSteps(of(reason), GRACEFUL, step => {
    log.push(`is ${step} done?`)
    return step === 'drain' ? done$ : EMPTY
  })
  steps$.subscribe({ next: ({ step }) => log.push(step), complete: () => log.push('over') })
  expect(log.splice(0)).toEqual(['unready', 'is unready done?', 'drain', 'is drain done?'])
  done$.next()
  expect(log).toEqual([])
  done$.complete()
  expect(log).toEqual(['stop', 'is stop done?', 'over'])
})

test('the first reason begins a shutdown, and no other counts', () => {
  const trigger$ = new Subject<StopReason>()
  const log: unknown[] = []
  leadSteps(trigger$, ['drain', 'stop'], () => EMPTY).subscribe(told => log.push(told))
  trigger$.next({ by: 'signal', signal: 'SIGTERM' })
  trigger$.next(reason)
  const first = { by: 'signal', signal: 'SIGTERM' }
  expect(log).toEqual([
    { step: 'drain', reason: first },
    { step: 'stop', reason: first },
  ])
})

test('a shutdown that nobody follows any more is not led on', () => {
  let left = false
  const steps$ = leadSteps(of(reason), GRACEFUL, () => new Observable(() => () => (left = true)))
  steps$.subscribe().unsubscribe()
  expect(left).toBe(true)
})

test('a service that is conducted is heard until it is gone, long after the last step', () => {
  const trigger$ = new Subject<StopReason>()
  const states$ = new Subject<ServiceState>()
  const log: string[] = []
  const service = {
    name: 'db',
    lifecycle: (shutdown$: Observable<Shutdown>) => {
      shutdown$.subscribe(({ step }) => log.push(step))
      return states$
    },
  }
  const clocks = { drainDelay: () => 0, shutdownTimeout: Infinity, forceTimeout: 1_000 }
  conduct(
    service,
    { ...clocks, trigger$, force$: NEVER, clock: systemClock },
    { next: ({ phase }) => log.push(phase), error: () => log.push('failed'), complete: () => log.push('gone') },
  )
  states$.next({ phase: 'running', health: 'pass' })
  trigger$.next(reason)
  expect(log.splice(0)).toEqual(['running', 'unready', 'drain', 'stop'])
  states$.next({ phase: 'stopping', reason })
  states$.next({ phase: 'stopped', how: 'stopped' })
  states$.complete()
  expect(log).toEqual(['stopping', 'stopped', 'gone'])
  expect([trigger$.observed, states$.observed]).toEqual([false, false])
})
