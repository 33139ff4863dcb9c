import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LONGEST_LINE, lineCutter } from '../../../src/services/common/cut-lines.ts'

/** The lines of some bytes that come in pieces of these sizes, the last size again and again. */
const cut = (bytes: Buffer | string, sizes: readonly number[] = [Number.POSITIVE_INFINITY]): readonly string[] => {
  const lines: string[] = []
  const cutter = lineCutter(line => lines.push(line))
  const all = Buffer.from(bytes)
  for (let from = 0, n = 0; from < all.length; n++) {
    const size = sizes[Math.min(n, sizes.length - 1)]!
    cutter.add(all.subarray(from, from + size))
    from += size
  }
  cutter.end()
  return lines
}

const x = (count: number): string => 'x'.repeat(count)

describe('lines', () => {
  test.each<[string, readonly string[]]>([
    ['', []],
    ['\n', ['']],
    ['one\ntwo\n', ['one', 'two']],
    ['one\r\ntwo\r\n', ['one', 'two']],
    ['10 %\r20 %\rdone\n', ['10 %', '20 %', 'done']],
    ['one\n\n\r\nfour', ['one', '', '', 'four']],
    ['the last has no end', ['the last has no end']],
    ['grüße 🦆\n雪', ['grüße 🦆', '雪']],
    ['\r', ['']],
    ['a\r\rb\n\rc', ['a', '', 'b', '', 'c']],
  ])('%j is %j, however it comes', (text, expected) => {
    for (let size = 1; size <= Buffer.byteLength(text) + 1; size++) expect(cut(text, [size])).toEqual(expected)
  })

  test.each<[string, string, readonly string[]]>([
    ['just short enough', `${x(LONGEST_LINE)}\nb`, [x(LONGEST_LINE), 'b']],
    ['just short enough, with CR LF', `${x(LONGEST_LINE)}\r\nb`, [x(LONGEST_LINE), 'b']],
    ['a byte too long', `${x(LONGEST_LINE + 1)}\nb`, [x(LONGEST_LINE), 'x', 'b']],
    ['twice as long', `${x(2 * LONGEST_LINE)}\n\nb`, [x(LONGEST_LINE), x(LONGEST_LINE), '', 'b']],
    ['without an end', x(2 * LONGEST_LINE + 7), [x(LONGEST_LINE), x(LONGEST_LINE), x(7)]],
  ])('a line that is %s', (_, text, expected) => {
    for (const sizes of [[Number.POSITIVE_INFINITY], [1000], [65_536], [65_537], [LONGEST_LINE, 1]])
      expect(cut(text, sizes)).toEqual(expected)
  })

  test('no character is torn where a line is broken, whatever comes before it', () => {
    for (const character of ['ü', '雪', '🦆'])
      for (let before = 0; before < 4; before++) {
        const text = x(before) + character.repeat(60_000)
        for (const sizes of [[Number.POSITIVE_INFINITY], [4_099]]) {
          const lines = cut(text, sizes)
          expect(lines.join('')).toBe(text)
          for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(LONGEST_LINE)
        }
      }
  })

  test('what is no UTF-8 is broken anywhere, and loses no byte count', () => {
    const lines = cut(Buffer.alloc(LONGEST_LINE + 5, 0x80))
    expect(lines.map(line => line.length)).toEqual([LONGEST_LINE, 5])
  })

  test('any text is the same lines as by a regular expression, however it comes', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'ü', '🦆', '\n', '\r', '\r\n'), maxLength: 60 })
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (given, sizes) => {
        const expected = given.split(/\r\n|\n|\r/)
        if (expected.at(-1) === '') expected.pop()
        expect(cut(given, sizes)).toEqual(expected)
      }),
    )
  })
})
