import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Key, KeyDecoder } from '../../src/views/terminal/keys.ts'

/** Keys in short: their names, what was typed, and pasted texts in brackets. */
const short = (keys: readonly Key[]): readonly string[] =>
  keys.map(key => (key.kind === 'named' ? `<${key.name}>` : key.kind === 'text' ? key.text : `[${key.text}]`))

const keysOf = (...chunks: readonly (string | Uint8Array)[]): readonly string[] => {
  const decoder = new KeyDecoder()
  const keys = chunks.flatMap(chunk => decoder.keys(chunk))
  return short(decoder.isWaiting ? [...keys, ...decoder.settle()] : keys)
}

test.each([
  ['arrows', '\u001b[A\u001b[B', ['<up>', '<down>']],
  ['arrows of a keypad in application mode', '\u001bOA\u001bOB\u001bOH\u001bOF', ['<up>', '<down>', '<home>', '<end>']],
  ['arrows with modifiers', '\u001b[1;5A\u001b[1;2B', ['<up>', '<down>']],
  [
    'home and end of several terminals',
    '\u001b[H\u001b[1~\u001b[7~\u001b[F\u001b[4~\u001b[8~',
    [...'hhheee'].map(c => (c === 'h' ? '<home>' : '<end>')),
  ],
  ['pages', '\u001b[5~\u001b[6~', ['<page up>', '<page down>']],
  ['letters', 'jk/', ['j', 'k', '/']],
  ['letters of other scripts', 'é名😀', ['é', '名', '😀']],
  ['the keys of a line', '\r\n\u007f\b\u0015', ['<enter>', '<enter>', '<backspace>', '<backspace>', '<clear>']],
  ['the keys for signals', '\u0003\u001a\u001c', ['<interrupt>', '<suspend>', '<quit>']],
  ['Escape alone', '\u001b', ['<escape>']],
  ['Escape twice', '\u001b\u001b', ['<escape>', '<escape>']],
  ['Escape before an arrow', '\u001b\u001b[A', ['<escape>', '<up>']],
  ['unknown sequences', '\u001b[15~\u001bOP\u001b[[Aj\u001b[?1;2cj\u001b[<0;1;1Mj', ['j', 'j', 'j']],
  ['answers of the terminal', '\u001b]11;rgb:0/0/0\u0007j\u001bP1+r\u001b\\k', ['j', 'k']],
  ['Alt and a letter', '\u001bxj', ['j']],
  ['control characters without a meaning', '\u0000\u0001\u0004\t\u009b', []],
  ['a pasted text', '\u001b[200~rm -r\nx\u001b[A\u0007\u001b[201~j', ['[rm -r x[A]', 'j']],
  ['Ctrl-C inside a sequence', '\u001b[1;\u0003j', ['<interrupt>', 'j']],
  ['Ctrl-C inside a pasted text', '\u001b[200~abc\u0003j', ['<interrupt>', 'j']],
  ['Ctrl-C inside an answer without an end', '\u001b]11;\u0003j', ['<interrupt>', 'j']],
])('%s', (_, bytes, expected) => {
  expect(keysOf(bytes)).toEqual(expected)
  expect(keysOf(Buffer.from(bytes))).toEqual(expected)
  expect(keysOf(...bytes)).toEqual(expected)
  expect(keysOf(...Array.from(Buffer.from(bytes), byte => Uint8Array.of(byte)))).toEqual(expected)
})

test('chunks make no difference, wherever bytes are cut', () => {
  const parts = [
    '\u001b[A',
    '\u001b[1;5B',
    '\u001b[200~x y\u001b[201~',
    'é',
    '名',
    '😀',
    'x',
    '\u0003',
    '\u001bOA',
    '\r',
    '\u001b[',
    '\u001b]0;a\u0007',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts)), fc.array(fc.nat(200)), (words, cuts) => {
      const bytes = Buffer.from(words.join(''))
      const at = [0, ...cuts.map(cut => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length]
      expect(keysOf(...at.slice(1).map((to, i) => bytes.subarray(at[i], to)))).toEqual(keysOf(bytes))
    }),
  )
})

test('any bytes at all make keys, whose texts hold no control character', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), chunks => {
      for (const key of keysOf(...chunks)) expect(key).not.toMatch(/\p{Cc}/u)
    }),
  )
})

test('a sequence that does not go on is given up, and keys are read again', () => {
  for (const begun of ['\u001b', '\u001b[', '\u001b[1;5', '\u001bO', '\u001b]11;rgb', '\u001b[200~text\u001b']) {
    const decoder = new KeyDecoder()
    decoder.keys(begun)
    expect(decoder.isWaiting).toBe(true)
    decoder.settle()
    expect(decoder.isWaiting).toBe(false)
    expect(short(decoder.keys('j'))).toEqual(['j'])
  }
})

test('a pasted text may pause, and only its begin is kept', () => {
  const decoder = new KeyDecoder()
  decoder.keys('\u001b[200~')
  for (let i = 0; i < 1_000; i++) decoder.keys('0123456789')
  expect(decoder.isWaiting).toBe(false)
  expect(short(decoder.keys('\u001b[201~'))).toEqual([`[${'0123456789'.repeat(100)}]`])
})
