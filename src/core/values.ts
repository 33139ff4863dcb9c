import type { Observable } from 'rxjs'
import { type Abortable, onAbort, signalOf } from './abort.ts'

/**
 * The values of a stream for `for await`. It subscribes when the loop begins, and unsubscribes when the loop ends, by
 * `break`, `return` or `throw` too. The loop ends when the stream completes, and throws the error of a stream that
 * fails. It throws the reason of a `signal` that is aborted.
 *
 * No value is lost: values that come while the body of the loop works wait in memory, without a limit. In a body that
 * is always slower than the stream, read `group.status` instead, which is the latest.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`, once the loop begins
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * void group.start()
 * for await (const status of values(group.status$)) {
 *   console.log(status.phase)
 *   if (status.ready) break
 * }
 * await group.stop()
 * ```
 */
export async function* values<T>(stream$: Observable<T>, options: Abortable = {}): AsyncGenerator<T, void, undefined> {
  const signal = signalOf({ kind: 'values()', name: '' }, options)
  if (signal?.aborted) throw signal.reason
  let waiting: T[] = []
  let end: { readonly error?: unknown } | undefined
  let wake = (): void => undefined
  const ended = (how: { readonly error?: unknown }): void => {
    end = how
    wake()
  }
  const release = onAbort(signal, () => wake())
  const subscription = stream$.subscribe({
    next: value => {
      waiting.push(value)
      wake()
    },
    error: error => ended({ error }),
    complete: () => ended({}),
  })
  try {
    for (;;) {
      const next = waiting
      waiting = []
      for (const value of next) {
        yield value
        if (signal?.aborted) throw signal.reason
      }
      if (waiting.length > 0) continue
      if (end && 'error' in end) throw end.error
      if (end) return
      await new Promise<void>(resolve => {
        wake = resolve
      })
      if (signal?.aborted) throw signal.reason
    }
  } finally {
    release()
    subscription.unsubscribe()
  }
}
