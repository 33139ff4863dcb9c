import fc from 'fast-check'
import { concat, concatMap, defer, EMPTY, from, ignoreElements, NEVER, Observable, Subject, throwError } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import { plan, reversed } from '../../src/core/plan.ts'
import { walk } from '../../src/core/walk.ts'

const chain = (length: number): readonly (readonly number[])[] =>
  Array.from({ length }, (_, node) => (node === 0 ? [] : [node - 1]))

const atOnce = (visit: () => void): Observable<never> =>
  defer(() => {
    visit()
    return EMPTY
  })

const scheduler = (): TestScheduler => new TestScheduler((actual, expected) => expect(actual).toEqual(expected))

describe('on a list', () => {
  test('it is concatMap: the same subscriptions at the same times, and the same end', () => {
    const durations = fc.array(fc.nat(5), { maxLength: 8 })
    const failing = fc.option(fc.nat(7))
    fc.assert(
      fc.property(durations, failing, (frames, bad) => {
        const logs = scheduler().run(({ cold, expectObservable, flush }) => {
          const colds = () => frames.map((n, node) => cold(`${'-'.repeat(n)}${node === bad ? '#' : '|'}`))
          const [visits, reference] = [colds(), colds()]
          const concatMapped$ = from(reference).pipe(
            concatMap(visit => visit),
            ignoreElements(),
          )
          expectObservable(walk(chain(frames.length), node => visits[node]!)).toEqual(concatMapped$)
          flush()
          return [visits, reference].map(all => all.map(({ subscriptions }) => subscriptions))
        })
        expect(logs[0]).toEqual(logs[1])
      }),
    )
  })
})

describe('on a graph', () => {
  test('independent ones run side by side, and each waits for all before it', () => {
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      //    0   1
      //     \ / \
      //      2   3
      const zero = cold(' --|')
      const one = cold('  ----|')
      const two = cold('      -|')
      const three = cold('    ---|')
      const order = [[], [], [0, 1], [1]]
      expectObservable(walk(order, node => [zero, one, two, three][node]!)).toBe('-------|')
      expectSubscriptions(zero.subscriptions).toBe(' ^-!')
      expectSubscriptions(one.subscriptions).toBe('  ^---!')
      expectSubscriptions(two.subscriptions).toBe('  ----^!')
      expectSubscriptions(three.subscriptions).toBe('----^--!')
    })
  })

  test('reversed it is the way back', () => {
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const db = cold('   ---|')
      const api = cold('  -|')
      const queue = cold('--|')
      const { before } = plan([{ name: 'db' }, { name: 'api', dependsOn: ['db'] }, { name: 'q', dependsOn: ['db'] }])
      expectObservable(walk(reversed(before), node => [db, api, queue][node]!)).toBe('-----|')
      expectSubscriptions(api.subscriptions).toBe('  ^!')
      expectSubscriptions(queue.subscriptions).toBe('^-!')
      expectSubscriptions(db.subscriptions).toBe('   --^--!')
    })
  })

  test('nodes that complete at once are visited breadth first, each exactly once', () => {
    const visited: number[] = []
    walk([[], [0], [0], [1, 2]], node => atOnce(() => visited.push(node))).subscribe()
    expect(visited).toEqual([0, 1, 2, 3])
  })

  test('whatever the graph and whoever completes when, all are visited once, none before those it waits for', () => {
    const graphs = fc
      .array(fc.array(fc.nat(40), { maxLength: 4 }), { maxLength: 25 })
      .map(drawn => drawn.map((picks, node) => [...new Set(picks.filter(() => node > 0).map(pick => pick % node))]))
    fc.assert(
      fc.property(graphs, fc.infiniteStream(fc.nat(1000)), (order, random) => {
        const open = new Map<number, Subject<never>>()
        const done: number[] = []
        let completed = false
        const visit = (node: number): Observable<never> => {
          for (const earlier of order[node]!) expect(done).toContain(earlier)
          return defer(() => {
            const visiting = new Subject<never>()
            open.set(node, visiting)
            return visiting
          })
        }
        walk(order, visit).subscribe({ complete: () => (completed = true) })
        while (open.size > 0) {
          const nodes = [...open.keys()]
          const node = nodes[random.next().value % nodes.length]!
          const visiting = open.get(node)!
          open.delete(node)
          done.push(node)
          visiting.complete()
        }
        expect(completed).toBe(true)
        expect([...done].sort((a, b) => a - b)).toEqual(order.map((_, node) => node))
      }),
    )
  })
})

describe('at its ends', () => {
  test('nothing to visit completes at once', () => {
    scheduler().run(({ expectObservable }) => expectObservable(walk([], () => NEVER)).toBe('|'))
  })

  test('nothing is visited before it is subscribed, and each subscription walks anew', () => {
    let visits = 0
    const walking = walk(chain(3), () => atOnce(() => visits++))
    expect(visits).toBe(0)
    walking.subscribe()
    walking.subscribe()
    expect(visits).toBe(6)
  })

  test('unsubscribed in the middle, what is being visited is let go and nothing else begins', () => {
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const first = cold(' --|')
      const second = cold('  -----|')
      const aside = cold(' ------|')
      const third = cold('       |')
      expectObservable(
        walk([[], [0], [], [1]], node => [first, second, aside, third][node]!),
        '^---!',
      ).toBe('-----')
      expectSubscriptions(first.subscriptions).toBe(' ^-!')
      expectSubscriptions(second.subscriptions).toBe('--^-!')
      expectSubscriptions(aside.subscriptions).toBe(' ^---!')
      expectSubscriptions(third.subscriptions).toBe([])
    })
  })

  test('unsubscribed by what a visit does on subscription, nothing else begins', () => {
    const stop = new Subject<void>()
    const visited: number[] = []
    const walking = walk([[], [], []], node =>
      defer(() => {
        visited.push(node)
        if (node === 1) subscription?.unsubscribe()
        return node === 0 ? stop : NEVER
      }),
    )
    let subscription: { unsubscribe(): void } | undefined
    const outer = new Observable(out => {
      subscription = out
      return walking.subscribe(out)
    }).subscribe()
    expect(visited).toEqual([0, 1])
    outer.unsubscribe()
    expect(stop.observed).toBe(false)
  })

  test('one that errors ends the walk: the others are let go and nothing else begins', () => {
    scheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const bad = cold('  --#')
      const aside = cold('-----|')
      const later = cold('  |')
      expectObservable(walk([[], [], [0]], node => [bad, aside, later][node]!)).toBe('--#')
      expectSubscriptions(aside.subscriptions).toBe('^-!')
      expectSubscriptions(later.subscriptions).toBe([])
    })
  })

  test('one that errors at once ends the walk before the next begins', () => {
    const visited: number[] = []
    const errors: unknown[] = []
    walk([[], []], node => {
      visited.push(node)
      return throwError(() => 'no')
    }).subscribe({ error: error => errors.push(error) })
    expect([visited, errors]).toEqual([[0], ['no']])
  })
})

describe('however many', () => {
  test.each([
    ['in a chain', chain(100_000)],
    ['side by side', chain(100_000).map(() => [])],
    ['behind one', chain(100_000).map((_, node) => (node === 0 ? [] : [0]))],
  ])('a hundred thousand %s that complete at once neither overflow the stack nor are shifted', (_, order) => {
    let visits = 0
    let completed = false
    walk(order, () => atOnce(() => visits++)).subscribe({ complete: () => (completed = true) })
    expect([visits, completed]).toEqual([100_000, true])
  })

  test('a hundred thousand that complete one after another do not nest either', () => {
    const steps = new Subject<void>()
    let visits = 0
    const walking = walk(chain(100_000), () =>
      concat(
        atOnce(() => visits++),
        new Observable<never>(out => (visits % 2 ? out.complete() : steps.subscribe(() => out.complete()))),
      ),
    )
    let completed = false
    walking.subscribe({ complete: () => (completed = true) })
    while (!completed) steps.next()
    expect(visits).toBe(100_000)
  })
})
