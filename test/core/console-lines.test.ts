import { expect, test } from 'vitest'
import { bytesOf, type ConsoleLine, ConsoleRings } from '../../src/core/console-lines.ts'

const line = (n: number, text: string, at = n): ConsoleLine => ({ n, at, from: 'stdout', text })
const numbers = (lines: readonly ConsoleLine[]) => lines.map(({ n }) => n)
const sizeOf = (rings: ConsoleRings): number =>
  rings
    .all()
    .flatMap(({ lines }) => lines.map(bytesOf))
    .reduce((sum, size) => sum + size, 0)

test('500 lines of a service are kept, and 64 kB, the newest', () => {
  const rings = new ConsoleRings()
  for (let n = 1; n <= 2_000; n++) rings.add('shop/short', line(n, 'x'))
  expect(numbers(rings.of('shop/short'))).toEqual(Array.from({ length: 500 }, (_, n) => 1_501 + n))
  for (let n = 1; n <= 200; n++) rings.add('shop/long', line(n, '€'.repeat(1_000)))
  const kept = rings.of('shop/long')
  expect(kept.at(-1)!.n).toBe(200)
  expect(kept.reduce((sum, one) => sum + bytesOf(one), 0)).toBeLessThanOrEqual(64 * 1024)
  expect(Buffer.byteLength(kept.map(({ text }) => text).join(''))).toBeLessThanOrEqual(64 * 1024)
})

test('1 MB of all services is kept, and a loud one takes nothing away from a quiet one', () => {
  const rings = new ConsoleRings()
  rings.add('shop/quiet', line(1, 'the one line'))
  for (let n = 1; n <= 300; n++)
    for (let service = 0; service < 100; service++) rings.add(`shop/${service}`, line(n, 'x'.repeat(500)))
  expect(sizeOf(rings)).toBeLessThanOrEqual(1024 * 1024)
  expect(numbers(rings.of('shop/quiet'))).toEqual([1])
  for (let service = 0; service < 100; service++) expect(rings.of(`shop/${service}`).at(-1)!.n).toBe(300)
})

test('the lines of a group are those of all services inside it, in the order of time', () => {
  const rings = new ConsoleRings()
  rings.add('shop/workers/a', line(1, 'first', 10))
  rings.add('shop/workers/b', line(1, 'second', 20))
  rings.add('shop/workers/a', line(2, 'third', 30))
  rings.add('shop/workers-two', line(1, 'another', 15))
  expect(rings.below('shop/workers').map(({ text }) => text)).toEqual(['first', 'second', 'third'])
  rings.forget('shop/workers')
  expect(rings.all().map(({ path }) => path)).toEqual(['shop/workers-two'])
})
