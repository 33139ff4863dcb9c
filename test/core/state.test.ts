import { canFollow, type Phase, type ServiceState, type StopReason, transitions } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import {
  describeReason,
  errorOf,
  hasDrained,
  hasEnded,
  isAbandoned,
  isBeforeStart,
  isBusy,
  isFinal,
  isGoingDown,
  isLeaving,
  isLost,
  isPassing,
  isReady,
  isRestarting,
  isServing,
  isSettled,
  isUnready,
  isUnwell,
  isWell,
  reasonOf,
  wasForced,
} from '../../src/core/state.ts'
import { readPage } from '../support/pages.ts'

const phases = Object.keys(transitions) as Phase[]
const living = phases.filter(phase => phase !== 'stopped' && phase !== 'failed')

/** The edges of the state diagram in a markdown text, `[*]` being the world outside. */
const drawnIn = (markdown: string): ReadonlySet<string> => {
  const [, diagram = ''] = /```mermaid\s+stateDiagram-v2\n(.*?)```/s.exec(markdown) ?? []
  const edges = diagram.matchAll(/^\s*(\S+)\s+-->\s+([^\s:]+)/gm)
  return new Set(Array.from(edges, ([, from, to]) => `${from} -> ${to}`))
}

const picture = drawnIn(readPage('src/core/README.md'))

describe('the picture on the page of the core', () => {
  const drawn = [...picture]
  const inside = drawn.filter(edge => !edge.includes('[*]'))

  test('shows every phase', () => {
    const shown = new Set(drawn.flatMap(edge => edge.split(' -> ')).filter(phase => phase !== '[*]'))
    expect([...shown].sort()).toEqual([...phases].sort())
  })

  test('with its two general rules, is the table of transitions: no edge more, no edge less', () => {
    // Every living phase may repeat with new particulars, and every living phase may become failed or stopped.
    const rules = living.flatMap(phase => [`${phase} -> failed`, `${phase} -> stopped`, `${phase} -> ${phase}`])
    const table = phases.flatMap(from => transitions[from].map(to => `${from} -> ${to}`))
    expect(table.sort()).toEqual([...new Set([...inside, ...rules])].sort())
  })

  test('begins where a service begins, and ends where nothing follows', () => {
    expect(drawn.filter(edge => edge.startsWith('[*]'))).toEqual(['[*] -> idle'])
    const ends = phases.filter(phase => transitions[phase].length === 0)
    expect(drawn.filter(edge => edge.endsWith('[*]')).sort()).toEqual(ends.map(phase => `${phase} -> [*]`).sort())
  })
})

describe('the table of transitions', () => {
  test('names no phase twice', () => {
    for (const phase of phases) expect(transitions[phase]).toEqual([...new Set(transitions[phase])])
  })

  test('says what can follow', () => {
    expect(canFollow('starting', 'running')).toBe(true)
    expect(canFollow('running', 'starting')).toBe(false)
    expect(canFollow('stopped', 'starting')).toBe(false)
  })

  test('ends in what is final, and only there', () => {
    const states: ServiceState[] = phases.map(phase => ({ phase }) as ServiceState)
    expect(states.filter(isFinal).map(({ phase }) => phase)).toEqual(['stopped', 'failed'])
    for (const state of states) expect(transitions[state.phase].length === 0).toBe(isFinal(state))
  })

  test('leads from every living phase to an end', () => {
    for (const phase of living)
      expect([phase, canFollow(phase, 'failed'), canFollow(phase, 'stopped')]).toEqual([phase, true, true])
  })
})

test.each<[StopReason, string]>([
  [{ by: 'signal', signal: 'SIGTERM' }, 'SIGTERM'],
  [{ by: 'failure', service: 'shop/db', error: { name: 'Error', message: 'no route' } }, 'shop/db failed'],
  [{ by: 'uncaught', error: { name: 'Error', message: 'oops' } }, 'uncaught: oops'],
  [{ by: 'call' }, 'stop() was called'],
  [{ by: 'call', message: 'end of the day' }, 'stop(): end of the day'],
  [{ by: 'end' }, 'all services have ended'],
])('the reason %j is said in a few words', (reason, words) => expect(describeReason(reason)).toBe(words))

describe('the predicates on a state', () => {
  const reason: StopReason = { by: 'call' }
  const error = { name: 'Error', message: 'no' }
  const predicates = {
    isFinal,
    isBeforeStart,
    isServing,
    isLeaving,
    isGoingDown,
    hasDrained,
    isRestarting,
    isBusy,
    isPassing,
    hasEnded,
    isAbandoned,
    wasForced,
    isReady,
    isLost,
    isSettled,
    isWell,
    isUnready,
    isUnwell,
  }

  test.each<[ServiceState, string]>([
    [{ phase: 'idle' }, 'isBeforeStart hasDrained isUnready'],
    [{ phase: 'waiting', for: ['db'] }, 'isBeforeStart hasDrained isPassing isUnready'],
    [{ phase: 'starting', attempt: 1 }, 'hasDrained isBusy isPassing isUnready'],
    [{ phase: 'starting', attempt: 2 }, 'hasDrained isRestarting isBusy isPassing isUnready'],
    [{ phase: 'running', health: 'pass' }, 'isServing hasDrained isReady isSettled isWell'],
    [{ phase: 'running', health: 'warn' }, 'isServing hasDrained isReady isSettled isUnwell'],
    [{ phase: 'running', health: 'pass', leaving: reason }, 'isLeaving hasDrained isReady isSettled isUnready'],
    [
      { phase: 'running', health: 'fail', leaving: reason },
      'isLeaving hasDrained isReady isSettled isUnready isUnwell',
    ],
    [{ phase: 'draining', reason }, 'isLeaving isGoingDown isBusy isPassing isUnready'],
    [{ phase: 'draining', reason: { by: 'end' } }, 'isLeaving isBusy isPassing isUnready'],
    [{ phase: 'drained' }, 'isLeaving isGoingDown hasDrained isPassing isUnready'],
    [{ phase: 'stopping', reason }, 'isLeaving isGoingDown hasDrained isBusy isPassing isUnready'],
    [{ phase: 'backoff', attempt: 2, retryAt: 0, error }, 'hasDrained isRestarting isPassing isUnready'],
    [{ phase: 'stopped', how: 'ended' }, 'isFinal hasDrained hasEnded isReady isSettled isWell'],
    [{ phase: 'stopped', how: 'stopped' }, 'isFinal hasDrained isLost isSettled'],
    [{ phase: 'stopped', how: 'forced' }, 'isFinal hasDrained wasForced isLost isSettled'],
    [{ phase: 'stopped', how: 'abandoned' }, 'isFinal hasDrained isAbandoned wasForced isLost isSettled isUnwell'],
    [{ phase: 'failed', error }, 'isFinal hasDrained isLost isSettled isUnwell'],
  ])('%j', (state, expected) => {
    const found = Object.entries(predicates).filter(([, holds]) => holds(state))
    expect(found.map(([name]) => name).join(' ')).toBe(expected)
  })

  test('read the reason and the error of a state', () => {
    expect(reasonOf({ phase: 'stopping', reason })).toBe(reason)
    expect(reasonOf({ phase: 'running', health: 'pass' })).toBeUndefined()
    expect(errorOf({ phase: 'failed', error })).toBe(error)
    expect(errorOf({ phase: 'stopped', how: 'forced' })).toBeUndefined()
  })
})
