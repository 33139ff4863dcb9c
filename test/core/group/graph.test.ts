import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arrangement } from '../../../src/core/group/graph.ts'
import { type Placed, plan, reversed } from '../../../src/core/plan.ts'

const arranged = (services: readonly Placed[]): Arrangement => {
  const arrangement = new Arrangement()
  arrangement.add(services)
  return arrangement
}

/** All that is known of an order. */
const shape = (arrangement: Arrangement) => ({
  before: arrangement.before,
  after: arrangement.after,
  declared: arrangement.declared,
  dependents: arrangement.dependents,
  sequence: arrangement.sequence,
})

const planned = (services: readonly Placed[]) => {
  const { before, declared, sequence } = plan(services)
  return { before, after: reversed(before), declared, dependents: reversed(declared), sequence }
}

/** Services that name only what was added before them; an observer names only observers. */
const backwards = fc
  .array(
    fc.record({
      observer: fc.nat(3).map(n => n === 0),
      picks: fc.option(fc.array(fc.nat(50), { maxLength: 3 }), { nil: undefined }),
    }),
    { maxLength: 25 },
  )
  .map(drawn =>
    drawn.map(({ observer, picks }, node): Placed => {
      const known = drawn.flatMap((other, n) => (n < node && (!observer || other.observer) ? [`s${n}`] : []))
      const dependsOn = picks?.flatMap(pick => (known.length > 0 ? [known[pick % known.length]!] : []))
      return { name: `s${node}`, dependsOn, observer }
    }),
  )

describe('a plan that goes on', () => {
  test('adding one by one gives the same as planning all at once', () => {
    fc.assert(
      fc.property(backwards, services => {
        const arrangement = new Arrangement()
        for (const [n, service] of services.entries()) {
          arrangement.add([service])
          if (n % 5 === 0) expect(shape(arrangement)).toEqual(planned(services.slice(0, n + 1)))
        }
        expect(shape(arrangement)).toEqual(planned(services))
        for (const [node, { name, observer }] of services.entries()) {
          expect(arrangement.find(name)).toBe(node)
          expect(arrangement.isObserver(node)).toBe(observer)
        }
      }),
    )
  })

  test('removing some gives the same as planning without them, and it goes on from there', () => {
    fc.assert(
      fc.property(backwards, fc.array(fc.nat(30)), (services, picks) => {
        // What others name stays, as in a group.
        const goes = (name: string, n: number): boolean =>
          picks.includes(n) && !services.some(({ dependsOn }) => dependsOn?.includes(name))
        const left = services.filter(({ name }, n) => !goes(name, n))
        const arrangement = arranged(services)
        arrangement.remove(node => goes(services[node]!.name, node))
        expect(shape(arrangement)).toEqual(planned(left))
        for (const { name } of services) {
          const node = left.findIndex(other => other.name === name)
          expect(arrangement.find(name)).toBe(node < 0 ? undefined : node)
        }
        const late: Placed = { name: 'late' }
        arrangement.add([late])
        expect(shape(arrangement)).toEqual(planned([...left, late]))
      }),
    )
  })

  test.each<[string, Placed, string]>([
    ['one that names itself', { name: 'x', dependsOn: ['a', 'x'] }, 'ERR_CIRCULAR_DEPENDENCY'],
    ['one that names somebody unknown', { name: 'x', dependsOn: ['a', 'y'] }, 'ERR_UNKNOWN_DEPENDENCY'],
    [
      'an observer that names one that is not',
      { name: 'x', dependsOn: ['a'], observer: true },
      'ERR_CIRCULAR_DEPENDENCY',
    ],
  ])('%s is refused, and nothing has changed', (_, late, code) => {
    const services: readonly Placed[] = [{ name: 'a' }, { name: 'b', dependsOn: [] }, { name: 'o', observer: true }]
    const arrangement = arranged(services)
    expect(() => arrangement.add([late])).toThrow(expect.objectContaining({ code }))
    expect(shape(arrangement)).toEqual(planned(services))
    expect(arrangement.find('x')).toBeUndefined()
    arrangement.add([{ name: 'x' }])
    expect(shape(arrangement)).toEqual(planned([...services, { name: 'x' }]))
  })

  test('of several that are added together none is taken in when one is refused', () => {
    const arrangement = arranged([{ name: 'a' }])
    expect(() => arrangement.add([{ name: 'b' }, { name: 'c', dependsOn: ['nobody'] }])).toThrow()
    expect(shape(arrangement)).toEqual(planned([{ name: 'a' }]))
  })

  test('lists that were handed out before an addition are not those of the next plan after a removal', () => {
    const arrangement = arranged([{ name: 'a' }, { name: 'b' }])
    const { before } = arrangement
    arrangement.remove(node => node === 0)
    expect([before, arrangement.before]).toEqual([[[], [0]], [[]]])
  })
})
