import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Graph } from '../../../src/core/group/graph.ts'
import { type Placed, plan, reversed } from '../../../src/core/plan.ts'

const arranged = (services: readonly Placed[]): Graph => {
  const graph = new Graph()
  graph.add(services)
  return graph
}

/** All that is known of an order. */
const shape = (graph: Graph) => ({
  before: graph.before,
  after: graph.after,
  declared: graph.declared,
  dependents: graph.dependents,
  sequence: graph.sequence,
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
        const graph = new Graph()
        for (const [n, service] of services.entries()) {
          graph.add([service])
          if (n % 5 === 0) expect(shape(graph)).toEqual(planned(services.slice(0, n + 1)))
        }
        expect(shape(graph)).toEqual(planned(services))
        for (const [node, { name, observer }] of services.entries()) {
          expect(graph.find(name)).toBe(node)
          expect(graph.isObserver(node)).toBe(observer)
        }
      }),
    )
  })

  test('forgetting some frees their names, and the next that does not come last gives all their places without them', () => {
    fc.assert(
      fc.property(backwards, fc.array(fc.nat(30)), (services, picks) => {
        // A service that others name stays, as in a group.
        const goes = (name: string, n: number): boolean =>
          picks.includes(n) && !services.some(({ dependsOn }) => dependsOn?.includes(name))
        const left = services.filter(({ name }, n) => !goes(name, n))
        const graph = arranged(services)
        services.forEach(({ name }, n) => {
          if (goes(name, n)) graph.forget(n)
        })
        expect(shape(graph)).toEqual(planned(services))
        for (const [node, { name }] of services.entries())
          expect(graph.find(name)).toBe(goes(name, node) ? undefined : node)
        const late: Placed = { name: 'late', observer: true }
        expect(graph.add([late])).toBe(false)
        expect(shape(graph)).toEqual(planned([...left, late]))
      }),
    )
  })

  test('a service that comes last gets its place without the others moving, until too many have left', () => {
    const graph = arranged([{ name: 'a' }])
    for (let n = 0; n < 200; n++) {
      const comesLast = graph.add([{ name: `x${n}` }])
      graph.forget(graph.find(`x${n}`)!)
      if (!comesLast) return expect(n).toBeGreaterThan(64)
    }
    throw new Error('those that have left keep their nodes for ever')
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
    const graph = arranged(services)
    expect(() => graph.add([late])).toThrow(expect.objectContaining({ code }))
    expect(shape(graph)).toEqual(planned(services))
    expect(graph.find('x')).toBeUndefined()
    graph.add([{ name: 'x' }])
    expect(shape(graph)).toEqual(planned([...services, { name: 'x' }]))
  })

  test('of several that are added together none is taken in when one is refused', () => {
    const graph = arranged([{ name: 'a' }])
    expect(() => graph.add([{ name: 'b' }, { name: 'c', dependsOn: ['nobody'] }])).toThrow()
    expect(shape(graph)).toEqual(planned([{ name: 'a' }]))
  })
})
