import { EMPTY, Observable, type Subscription } from 'rxjs'
import { type Order, reversed } from './plan.ts'

/**
 * `concatMap` for a graph. It visits a node once all nodes before it have completed, independent nodes side by side,
 * and completes after the last. On a plain list it is `from(list).pipe(concatMap(visit))`. It is a worklist, so that a
 * hundred thousand visits that complete at once neither overflow the stack nor shift a long buffer.
 *
 * @param after the reversed order, if already computed
 */
export const walk = (
  order: Order,
  visit: (node: number) => Observable<unknown>,
  after: Order = reversed(order),
): Observable<never> =>
  new Observable(out => {
    const open = order.map(before => before.length)
    const ready: number[] = []
    open.forEach((count, node) => {
      if (count === 0) ready.push(node)
    })
    const visits = new Set<Subscription>()
    let next = 0
    let left = order.length
    let working = false

    const work = (): void => {
      if (working) return
      working = true
      while (next < ready.length && !out.closed) begin(ready[next++]!)
      working = false
      if (left === 0) out.complete()
    }
    const free = (node: number): void => {
      if (--open[node]! === 0) ready.push(node)
    }
    const pass = (node: number): void => {
      left--
      after[node]!.forEach(free)
    }
    const begin = (node: number): void => {
      let visited: Subscription | undefined
      let done = false
      const visiting = visit(node)
      // A visit may end the walk. Then nothing waits for it.
      if (out.closed) return
      // Most visits have nothing to wait for. A subscription for each would be most of the cost.
      if (visiting === EMPTY) return pass(node)
      visited = visiting.subscribe({
        error: error => out.error(error),
        complete: () => {
          done = true
          if (visited) visits.delete(visited)
          pass(node)
          work()
        },
      })
      if (!done) visits.add(visited)
    }
    out.add(() => {
      for (const visited of visits) visited.unsubscribe()
    })
    work()
  })
