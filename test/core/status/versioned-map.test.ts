import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VersionedMap } from '../../../src/core/status/versioned-map.ts'

/** A change: set a key on the newest version, or on one kept `back` changes ago. */
const changes = (count: number) =>
  fc.array(
    fc.record({ key: fc.nat(12).map(n => `k${n}`), value: fc.nat(99), back: fc.oneof(fc.constant(0), fc.nat(40)) }),
    {
      maxLength: count,
    },
  )
const beginnings = fc.uniqueArray(
  fc.tuple(
    fc.nat(12).map(n => `k${n}`),
    fc.nat(99),
  ),
  { selector: ([key]) => key },
)

interface Kept {
  readonly version: VersionedMap<number>
  readonly copy: ReadonlyMap<string, number>
}

const expectRight = ({ version, copy }: Kept): void => {
  expect([...version.toMap()].sort()).toEqual([...copy].sort())
  for (const key of ['k0', 'k7', 'k12', 'unknown']) expect(version.get(key)).toBe(copy.get(key))
}

test('every version that is kept stays as plain copies would, also one that is changed again later', () => {
  fc.assert(
    fc.property(beginnings, changes(120), (beginning, drawn) => {
      const kept: Kept[] = [{ version: VersionedMap.of(beginning), copy: new Map(beginning) }]
      for (const { key, value, back } of drawn) {
        const from = kept[Math.max(0, kept.length - 1 - back)]!
        kept.push({ version: from.version.set(key, value), copy: new Map(from.copy).set(key, value) })
      }
      for (const each of kept) expectRight(each)
    }),
  )
})

test('versions stay right across the places where chains are cut', () => {
  let version: VersionedMap<number> = VersionedMap.of([['k0', -1]])
  const copy = new Map([['k0', -1]])
  const kept: Kept[] = []
  for (let n = 0; n < 10_000; n++) {
    const key = `k${n % 700}`
    version = version.set(key, n)
    copy.set(key, n)
    if (n % 97 === 0 || (n > 1000 && n < 1100) || (n > 1380 && n < 1420)) kept.push({ version, copy: new Map(copy) })
  }
  for (const each of kept) expectRight(each)
})

test('entries that are removed are gone from the newest version, and old versions keep them in their place', () => {
  const removals = fc.array(fc.record({ key: fc.nat(12).map(n => `k${n}`), value: fc.option(fc.nat(99)) }), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(beginnings, removals, (beginning, drawn) => {
      let version: VersionedMap<number> = VersionedMap.of(beginning)
      const copy = new Map(beginning)
      const kept: { version: VersionedMap<number>; entries: readonly (readonly [string, number])[] }[] = []
      for (const { key, value } of drawn) {
        kept.push({ version, entries: [...copy] })
        version = value === null ? version.without(key) : version.set(key, value)
        if (value === null) copy.delete(key)
        else copy.set(key, value)
      }
      kept.push({ version, entries: [...copy] })
      for (const each of kept) {
        expect([...each.version.toMap()]).toEqual(each.entries)
        expect(each.version.values()).toEqual(each.entries.map(([, value]) => value))
        for (const [key, value] of each.entries) expect(each.version.get(key)).toBe(value)
      }
    }),
  )
})

test('a map that entries come to and leave for ever does not grow', () => {
  let version: VersionedMap<number> = VersionedMap.of([['stays', 0]])
  for (let n = 0; n < 10_000; n++) version = version.set(`k${n}`, n).without(`k${n}`)
  expect([version.values(), version.keys().length < 3_000]).toEqual([[0], true])
})

test('a new key comes last, and one that is set again keeps its place, in old versions too', () => {
  const first = VersionedMap.of([
    ['b', 1],
    ['a', 2],
  ])
  const second = first.set('c', 3)
  const third = second.set('b', 4)
  expect([...third.toMap().keys()]).toEqual(['b', 'a', 'c'])
  expect([...second.toMap().keys()]).toEqual(['b', 'a', 'c'])
  expect([...first.toMap().keys()]).toEqual(['b', 'a'])
})

test('the map it is made from is its own', () => {
  const entries = new Map([['a', 1]])
  const version = VersionedMap.of(entries)
  entries.set('a', 2)
  expect(version.get('a')).toBe(1)
  version.toMap().set('a', 3)
  expect(version.get('a')).toBe(1)
})

test('a version kept for ever does not keep all that came after it', async () => {
  const first = VersionedMap.of<object>([['a', {}]])
  let version = first
  const late: WeakRef<object>[] = []
  for (let n = 0; n < 20_000; n++) {
    const value = { n }
    if (n >= 10_000 && n % 1000 === 0) late.push(new WeakRef(value))
    version = version.set('a', value)
  }
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  await new Promise(resolve => setImmediate(resolve))
  runInNewContext('gc')()
  expect(late.filter(ref => ref.deref() !== undefined)).toEqual([])
  expect(first.get('a')).toEqual({})
  expect(version.get('a')).toEqual({ n: 19_999 })
})
