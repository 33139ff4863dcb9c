import { Observable, type Subscription } from 'rxjs'
import type { Order } from './plan.ts'

/**
 * `concatMap` for a graph: visits each node once all before it have completed, independent ones side by side, and
 * completes after the last. On a plain list it is `from(list).pipe(concatMap(visit))`. A worklist, so that a hundred
 * thousand visits that complete at once neither overflow the stack nor shift a long buffer.
 */
export const walk = (order: Order, visit: (node: number) => Observable<unknown>): Observable<never> =>
  new Observable(out => {
    const open = order.map(before => before.length)
    const after: number[][] = order.map(() => [])
    const ready: number[] = []
    order.forEach((before, node) => {
      if (before.length === 0) ready.push(node)
      for (const earlier of before) after[earlier]!.push(node)
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
    const begin = (node: number): void => {
      let visited: Subscription | undefined
      let done = false
      const visiting = visit(node)
      // What a visit does may end the walk; nobody waits for it then.
      if (out.closed) return
      visited = visiting.subscribe({
        error: error => out.error(error),
        complete: () => {
          done = true
          if (visited) visits.delete(visited)
          left--
          for (const later of after[node]!) if (--open[later]! === 0) ready.push(later)
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
