import fc from 'fast-check'
import type { Health } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { judge, levelOf } from '../../../src/services/common/judge.ts'

const word = { p: 'pass', w: 'warn', f: 'fail' } as const
type Letter = keyof typeof word

/** The health after each sample, where so many in a row have to agree. */
const healths = (samples: string, threshold: number): string => {
  let health: Health = 'pass'
  let last: readonly Health[] = Array<Health>(threshold).fill('pass')
  return [...samples]
    .map(letter => {
      last = [...last.slice(1), word[letter as Letter]]
      health = judge(health, last)
      return health[0]
    })
    .join('')
}

describe('what one sample says', () => {
  test.each<[number, Health]>([
    [0, 'pass'],
    [99, 'pass'],
    [100, 'warn'],
    [999, 'warn'],
    [1_000, 'fail'],
    [60_000, 'fail'],
  ])('%d ms: %s', (delay, level) => {
    expect(levelOf(delay, { warn: 100, fail: 1_000 })).toBe(level)
  })

  test('a limit that is Infinity is never reached, and the worse one comes first', () => {
    expect(levelOf(1e9, { warn: Infinity, fail: Infinity })).toBe('pass')
    expect(levelOf(1e9, { warn: 100, fail: Infinity })).toBe('warn')
    expect(levelOf(500, { warn: 1_000, fail: 500 })).toBe('fail')
  })
})

describe('what several say together', () => {
  test.each<[string, string, string, number]>([
    ['calm', 'pppp', 'pppp', 3],
    ['one pause changes nothing', 'ppfppp', 'pppppp', 3],
    ['nor do pauses with a calm moment between', 'ffpffpff', 'pppppppp', 3],
    ['so many in a row do', 'pfffff', 'pppfff', 3],
    ['as far as they agree', 'fwffff', 'ppwwff', 3],
    ['and back as far as they agree', 'fffwppp', 'ppfffwp', 3],
    ['step by step, when it calms down slowly', 'fffwwwppp', 'ppfffwwwp', 3],
    ['one calm moment in between changes nothing', 'fffpffp', 'ppfffff', 3],
    ['two in a row', 'fffpp', 'pfffp', 2],
    ['each counts', 'fpw', 'fpw', 1],
  ])('%s', (_, samples, expected, threshold) => {
    expect(healths(samples, threshold)).toBe(expected)
  })

  test('it is never better or worse than all of the last ones, and stays when it may', () => {
    const level = fc.constantFrom<Health>('pass', 'warn', 'fail')
    const rank = { pass: 0, warn: 1, fail: 2 }
    fc.assert(
      fc.property(level, fc.array(level, { minLength: 1, maxLength: 5 }), (health, last) => {
        const judged = rank[judge(health, last)]
        const ranks = last.map(one => rank[one])
        const [best, worst] = [Math.min(...ranks), Math.max(...ranks)]
        expect(judged).toBeGreaterThanOrEqual(best)
        expect(judged).toBeLessThanOrEqual(worst)
        if (rank[health] >= best && rank[health] <= worst) expect(judged).toBe(rank[health])
      }),
    )
  })
})
