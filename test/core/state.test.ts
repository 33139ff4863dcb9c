import { readFileSync } from 'node:fs'
import { canFollow, type Phase, type ServiceState, type StopReason, transitions } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { describeReason, isFinal } from '../../src/core/state.ts'

const phases = Object.keys(transitions) as Phase[]
const living = phases.filter(phase => phase !== 'stopped' && phase !== 'failed')

/** The edges of the state diagram in a markdown text, `[*]` being the world outside. */
const drawnIn = (markdown: string): ReadonlySet<string> | undefined => {
  const diagram = /```mermaid\s+stateDiagram-v2\n(.*?)```/s.exec(markdown)?.[1]
  if (!diagram) return undefined
  const edges = diagram.matchAll(/^\s*(\S+)\s+-->\s+([^\s:]+)/gm)
  return new Set(Array.from(edges, ([, from, to]) => `${from} -> ${to}`))
}

const readme = (() => {
  try {
    return readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  } catch {
    return ''
  }
})()
const picture = drawnIn(readme)

describe.skipIf(!picture)('the picture in the README', () => {
  const drawn = [...(picture ?? [])]
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
