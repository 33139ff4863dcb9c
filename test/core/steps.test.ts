import { take } from 'rxjs'
import { expect, test } from 'vitest'
import { atLeast, type Shutdown, ShutdownSteps, type Step } from '../../src/core/steps.ts'

const steps = ['unready', 'drain', 'stop', 'force'] as const
const to = (step: Step): Shutdown => ({ step, reason: { by: 'call' } })

const heard = (level: ShutdownSteps): Step[] => {
  const log: Step[] = []
  level.subscribe(({ step }) => log.push(step))
  return log
}

const raised = (...path: readonly Step[]): Step[] => {
  const level = new ShutdownSteps()
  const log = heard(level)
  for (const step of path) level.raise(to(step))
  return log
}

test('each level reached implies those before it, and no other', () => {
  const table = steps.map(reached => steps.map(step => atLeast(to(reached), step)))
  expect(table).toEqual([
    [true, false, false, false],
    [true, true, false, false],
    [true, true, true, false],
    [true, true, true, true],
  ])
  expect(steps.map(step => atLeast(undefined, step))).toEqual([false, false, false, false])
})

test.each<[string, Step[], Step[]]>([
  ['every step is told once', [...steps, ...steps], [...steps]],
  ['steps may be skipped', ['stop'], ['stop']],
  ['it never goes back', ['stop', 'unready', 'drain', 'stop'], ['stop']],
  ['it rises from anywhere', ['drain', 'force', 'stop'], ['drain', 'force']],
])('%s', (_, path, told) => expect(raised(...path)).toEqual(told))

test('who comes late is told the latest, once, and what follows', () => {
  const level = new ShutdownSteps()
  const before = heard(level)
  level.raise(to('unready'))
  level.raise(to('drain'))
  const late = heard(level)
  level.raise(to('force'))
  expect([before, late]).toEqual([
    ['unready', 'drain', 'force'],
    ['drain', 'force'],
  ])
})

test('the first reason given for a step is the one that is kept', () => {
  const level = new ShutdownSteps()
  level.raise({ step: 'stop', reason: { by: 'signal', signal: 'SIGTERM' } })
  level.raise({ step: 'stop', reason: { by: 'call' } })
  expect(level.latest?.reason).toEqual({ by: 'signal', signal: 'SIGTERM' })
})

test('who leaves hears nothing more, also when it leaves while others are being told', () => {
  const level = new ShutdownSteps()
  const log: string[] = []
  const first = level.subscribe(({ step }) => {
    log.push(`first ${step}`)
    second.unsubscribe()
    first.unsubscribe()
  })
  const second = level.subscribe(({ step }) => log.push(`second ${step}`))
  level.subscribe(({ step }) => log.push(`third ${step}`))
  level.raise(to('unready'))
  level.raise(to('drain'))
  expect(log).toEqual(['first unready', 'third unready', 'third drain'])
})

test('a listener that raises further does not make others hear the levels out of order', () => {
  const level = new ShutdownSteps()
  level.subscribe(({ step }) => {
    if (step === 'unready') level.raise(to('drain'))
  })
  const log = heard(level)
  level.raise(to('unready'))
  expect(log).toEqual(['drain'])
})

test('one that raises further as soon as it is told the latest hears that too', () => {
  const level = new ShutdownSteps()
  level.raise(to('unready'))
  const log: Step[] = []
  level.subscribe(({ step }) => {
    log.push(step)
    if (step === 'unready') level.raise(to('stop'))
  })
  expect(log).toEqual(['unready', 'stop'])
})

test('one that leaves as soon as it is told the latest is forgotten', () => {
  const level = new ShutdownSteps()
  level.raise(to('unready'))
  const log: Step[] = []
  level.pipe(take(1)).subscribe(({ step }) => log.push(step))
  level.raise(to('drain'))
  expect(log).toEqual(['unready'])
})
