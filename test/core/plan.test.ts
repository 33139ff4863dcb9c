import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/core/errors.ts'
import { type Placed, plan, reversed } from '../../src/core/plan.ts'

/** A line per case: `a b<a c*` is a, then b that depends on a, then an observer c; `b<` depends on nothing. */
const parse = (line: string): Placed[] =>
  line.split(' ').map(word => {
    const observer = word.endsWith('*')
    const [name = '', wanted] = word.replace('*', '').split('<')
    const dependsOn = wanted === undefined ? undefined : wanted === '' ? [] : wanted.split('+')
    return { name, dependsOn, observer }
  })

const edges = (line: string): string => {
  const services = parse(line)
  return plan(services)
    .before.map((before, node) => `${services[node]!.name}:${before.map(b => services[b]!.name).join('+')}`)
    .join(' ')
}

const sequence = (line: string): string => {
  const services = parse(line)
  return plan(services)
    .sequence.map(node => services[node]!.name)
    .join('')
}

const refusal = (line: string): ServiceError => {
  try {
    plan(parse(line))
  } catch (error) {
    if (error instanceof ServiceError) return error
  }
  throw new Error(`"${line}" was not refused`)
}

describe('whom each service waits for', () => {
  test.each([
    ['a list is a chain', 'a b c', 'a: b:a c:b'],
    ['one that names its dependencies waits for those alone', 'a b c<a', 'a: b:a c:a'],
    ['one that names none waits for nobody', 'a b<', 'a: b:'],
    ['one that declares nothing waits for all before it', 'a b< c< d', 'a: b: c: d:a+b+c'],
    ['what was waited for once is not waited for twice', 'a b<a c d', 'a: b:a c:a+b d:c'],
    ['a name given twice is one edge', 'a b<a+a', 'a: b:a'],
    ['a name may be given before it is added', 'a<b b', 'a:b b:'],
    ['one whose dependent was added before it does not wait for that', 'a b<c c d', 'a: b:c c:a d:b+c'],
    ['a forward reference goes on through others', 'a<b b<c c d', 'a:b b:c c: d:a+b+c'],
    ['observers come first wherever they were added', 'a b o*', 'a:o b:a o:'],
    ['observers are a chain among themselves', 'o* a p* b', 'o: a:p p:o b:a'],
    ['observers side by side are waited for together', 'o* p<* a', 'o: p: a:o+p'],
    ['a dependency on an observer is met already', 'o* a b<o', 'o: a:o b:o'],
    ['of several observers the last are waited for', 'o* p<o* q<o* a', 'o: p:o q:o a:p+q'],
  ])('%s', (_, line, expected) => expect(edges(line)).toBe(expected))

  test('what each declares is kept apart from the chain, observers included', () => {
    const { declared } = plan(parse('a o* b<a+o c'))
    expect(declared).toEqual([[], [], [0, 1], []])
  })

  test('an order reversed is whom each waits for on the way back', () => {
    expect(reversed([[], [0], [0, 1]])).toEqual([[1, 2], [2], []])
  })
})

describe('the sequence', () => {
  test.each([
    ['of a list is its order', 'a b c', 'abc'],
    ['of an empty group is empty', '', ''],
    ['puts forward references behind what they name', 'a<c b< c<', 'bca'],
    ['puts observers first', 'a b o*', 'oab'],
  ])('%s', (_, line, expected) => expect(line === '' ? plan([]).sequence.join('') : sequence(line)).toBe(expected))
})

describe('what is refused, with the names', () => {
  test.each([
    ['a<b b<a', 'a', 'a -> b -> a'],
    ['a<a', 'a', 'a -> a'],
    ['x a<c b<a c<b y', 'a', 'a -> c -> b -> a'],
    ['in<a a<b b<a', 'a', 'a -> b -> a'],
    ['o<p* p<o*', 'o', 'o -> p -> o'],
  ])('the circle in "%s" is an error with the path', (line, service, path) => {
    const error = refusal(line)
    expect([error.code, error.service]).toEqual(['ERR_CIRCULAR_DEPENDENCY', service])
    expect(error.message).toBe(
      `service "${service}": circular dependency: ${path} (each waits for the next); take one of these out of dependsOn`,
    )
  })

  test('an observer that depends on one that is not is a circle, for it starts before all others', () => {
    const error = refusal('a o<a*')
    expect([error.code, error.service]).toEqual(['ERR_CIRCULAR_DEPENDENCY', 'o'])
    expect(error.message).toContain('o -> a -> o (an observer starts before all others)')
  })

  test('an unknown name is an error that says which there are', () => {
    const error = refusal('db api<bd')
    expect([error.code, error.service]).toEqual(['ERR_UNKNOWN_DEPENDENCY', 'api'])
    expect(error.message).toBe('service "api": dependsOn names "bd", which is not in the group; it has: db, api')
  })
})

/** Groups without circles: dependencies point backwards in some hidden order, which is not the order of adding. */
const acyclic = fc
  .array(
    fc.record({
      rank: fc.double({ noNaN: true, min: 0, max: 1 }),
      picks: fc.option(fc.array(fc.nat(50), { maxLength: 4 })),
    }),
    {
      maxLength: 30,
    },
  )
  .map(drawn =>
    drawn.map(({ picks, rank }, node): Placed => {
      const eligible = drawn.flatMap((other, n) => (other.rank < rank ? [n] : []))
      const dependsOn = picks?.flatMap(pick => (eligible.length > 0 ? [`s${eligible[pick % eligible.length]}`] : []))
      return { name: `s${node}`, dependsOn }
    }),
  )

/** Without forward references, with observers. */
const backward = fc
  .array(fc.record({ observer: fc.boolean(), picks: fc.option(fc.array(fc.nat(50), { maxLength: 4 })) }), {
    maxLength: 30,
  })
  .map(drawn =>
    drawn.map(({ observer, picks }, node): Placed => {
      const eligible = drawn.flatMap((other, n) => (n < node && (!observer || other.observer) ? [n] : []))
      const dependsOn = picks?.flatMap(pick => (eligible.length > 0 ? [`s${eligible[pick % eligible.length]}`] : []))
      return { name: `s${node}`, dependsOn, observer }
    }),
  )

const indexOf = (services: readonly Placed[]): ReadonlyMap<string, number> =>
  new Map(services.map(({ name }, node) => [name, node]))

/** Everything each node comes after, directly or not. */
const ancestors = (before: readonly (readonly number[])[], sequence: readonly number[]): ReadonlySet<number>[] => {
  const all: Set<number>[] = before.map(() => new Set())
  for (const node of sequence)
    for (const earlier of before[node]!) {
      all[node]!.add(earlier)
      for (const ancestor of all[earlier]!) all[node]!.add(ancestor)
    }
  return all
}

describe('whatever the group', () => {
  test('the sequence is a permutation in which no one comes before those it waits for', () => {
    fc.assert(
      fc.property(fc.oneof(acyclic, backward), services => {
        const made = plan(services)
        expect([...made.sequence].sort((a, b) => a - b)).toEqual(services.map((_, node) => node))
        const at = new Map(made.sequence.map((node, place) => [node, place]))
        made.before.forEach((before, node) => {
          for (const earlier of before) expect(at.get(earlier)!).toBeLessThan(at.get(node)!)
        })
      }),
    )
  })

  test('each comes after all that it names', () => {
    fc.assert(
      fc.property(fc.oneof(acyclic, backward), services => {
        const made = plan(services)
        const index = indexOf(services)
        const behind = ancestors(made.before, made.sequence)
        services.forEach(({ dependsOn, observer }, node) => {
          for (const name of dependsOn ?? []) {
            const wanted = index.get(name)!
            // What others than observers start after in any case needs no edge.
            if (observer === services[wanted]!.observer) expect(behind[node]!.has(wanted)).toBe(true)
          }
        })
      }),
    )
  })

  test('one that declares nothing comes after all that were added before it and did not ask to come after it', () => {
    fc.assert(
      fc.property(acyclic, services => {
        const made = plan(services)
        const behind = ancestors(made.before, made.sequence)
        services.forEach(({ dependsOn }, node) => {
          if (dependsOn) return
          for (let earlier = 0; earlier < node; earlier++)
            expect(behind[node]!.has(earlier) || behind[earlier]!.has(node)).toBe(true)
        })
      }),
    )
  })

  test('what names no circle is never refused, forward references or not', () => {
    fc.assert(
      fc.property(fc.oneof(acyclic, backward), services => {
        plan(services)
      }),
    )
  })

  test('every observer comes before everything else', () => {
    fc.assert(
      fc.property(backward, services => {
        const { before, sequence } = plan(services)
        const behind = ancestors(before, sequence)
        services.forEach(({ observer }, node) => {
          if (observer) return
          services.forEach((other, o) => {
            if (other.observer) expect(behind[node]!.has(o)).toBe(true)
          })
        })
      }),
    )
  })

  test('there are at most as many edges as services and dependencies together', () => {
    fc.assert(
      fc.property(backward, services => {
        const { before } = plan(services.map(({ name, dependsOn }) => ({ name, dependsOn })))
        const wanted = services.reduce((sum, { dependsOn }) => sum + (dependsOn?.length ?? 0), 0)
        expect(before.reduce((sum, nodes) => sum + nodes.length, 0)).toBeLessThanOrEqual(services.length + wanted)
      }),
    )
  })

  test('a hundred thousand are placed, each with one edge', () => {
    const { before, sequence } = plan(Array.from({ length: 100_000 }, (_, node) => ({ name: `s${node}` })))
    expect(before.reduce((sum, nodes) => sum + nodes.length, 0)).toBe(99_999)
    expect(sequence.at(-1)).toBe(99_999)
  })

  test('a hundred thousand are placed as well when the first waits for the last', () => {
    const list = Array.from({ length: 100_000 }, (_, node): Placed => ({ name: `s${node}` }))
    const { before, sequence } = plan([{ name: 'first', dependsOn: ['s99999'] }, ...list])
    expect(before.reduce((sum, nodes) => sum + nodes.length, 0)).toBe(100_000)
    expect([sequence[0], sequence.at(-1)]).toEqual([100_000, 99_999])
  })
})
