import { describe, expect, test } from 'vitest'
import { visible } from '../../../src/core/text/visible.ts'
import { seenJson } from '../../../src/core/unseen.ts'
import { HOSTILE } from '../../support/hostile.ts'

describe('a text of somebody else', () => {
  test.each(HOSTILE)('$name: each is escaped, and the rest stays', ({ from, to, but = [] }) => {
    for (let code = from; code <= to; code++) {
      const character = String.fromCodePoint(code)
      if (but.includes(code)) continue
      expect(visible(`a${character}b`), code.toString(16)).toMatch(
        /^a\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]{5}\})b$/,
      )
      const json = JSON.stringify({ a: character })
      expect(JSON.parse(seenJson(json))).toEqual({ a: character })
      expect(seenJson(json)).toMatch(/^[\x20-\x7e]*$/)
    }
  })

  test.each([
    'plain',
    'Zoë’s ñandú',
    'e\u0301',
    '订单处理器',
    'خدمة الطلبات',
    'שירות הזמנות',
    '🛒 cart 👩‍👩‍👧‍👦 ❤️ 1️⃣',
    '<b>&amp;</b> C:\\new',
  ])('"%s" is seen as it is', text => expect(visible(text)).toBe(text))

  test.each<[string, string, number, string]>([
    ['says how much is left out', 'x'.repeat(1_000), 10, `${'x'.repeat(10)}… 990 B more`],
    ['is cut between two characters', `${'x'.repeat(9)}👩‍👩‍👧‍👦`, 10, `${'x'.repeat(9)}… 25 B more`],
    ['is cut between two escapes', '\u001b'.repeat(10), 10, '\\x1b\\x1b… 8 B more'],
    ['counts what was cut before', `${'x'.repeat(20)}… 12 kB more`, 10, `${'x'.repeat(10)}… 12 kB more`],
  ])('that is too long %s', (_, text, most, expected) => expect(visible(text, most)).toBe(expected))

  test('that is very long takes no longer than a short one', () => {
    const long = '数\u001b'.repeat(500_000)
    const begun = performance.now()
    for (let i = 0; i < 10; i++) visible(long)
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})
