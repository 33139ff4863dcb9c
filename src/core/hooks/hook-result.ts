import { Observable, type ObservableInput } from 'rxjs'
import { isObjectLike, peek } from '../foreign.ts'

/**
 * The result of a hook: nothing, or an `ObservableInput` that the service waits for:
 *
 * - a promise, or another object with a `then`: until it settles
 * - an Observable, of RxJS or with `Symbol.observable`: until it completes. An abort of the hook unsubscribes it.
 * - an async generator or iterable, or a `ReadableStream`: until its end. An abort of the hook calls its `return`,
 *   which the service waits for.
 * - a generator: it is run to its end at once
 *
 * A list or another collection is done at once. A Node stream, a socket or another event emitter is neither read nor
 * waited for: return a promise of its end, such as `finished(stream)` of `node:stream/promises`.
 */
export type HookResult = void | ObservableInput<unknown>

/** Is called once, when a result has ended. A cancelled result that does not settle calls nothing. */
export interface ResultListener {
  /** The result has ended without an error. An Observable or iterable passes its last value. */
  done(last?: unknown): void
  failed(error: unknown): void
}

/** Asks a result to end. `'gone'`: it has ended, and calls its listener no more. `'leaving'`: it will call it. */
export type Cancel = () => 'gone' | 'leaving'

/**
 * Follows the result of a hook to its end. This is the one place that touches such values: an error that they throw, at
 * any moment, is their failure.
 *
 * @returns how to cancel the result; nothing for a promise, which can't be cancelled
 * @example
 * ```ts
 * const cancel = follow(interval(10), { done: () => console.log('done'), failed: error => console.log(error) })
 * console.log(cancel?.()) // gone
 * ```
 */
export const follow = (result: unknown, listener: ResultListener): Cancel | undefined => {
  if (!isObjectLike(result)) {
    listener.done(result)
    return undefined
  }
  try {
    return followObject(result, listener)
  } catch (error) {
    listener.failed(error)
    return undefined
  }
}

const followObject = (result: object, listener: ResultListener): Cancel | undefined => {
  const observable = observableOf(result)
  if (observable) return followObservable(observable, listener)
  const { then } = result as Partial<PromiseLike<unknown>>
  if (typeof then === 'function') {
    then.call(
      result,
      value => listener.done(value),
      error => listener.failed(error),
    )
    return undefined
  }
  const iterator = isEmitter(result) ? undefined : asyncIteratorOf(result)
  if (iterator) return followIterator(iterator, listener)
  listener.done(isGenerator(result) ? exhaust(result) : result)
  return undefined
}

/** Other libraries mark their Observables with a symbol, or with a text where no library has defined the symbol. */
const interopOf = (result: object): unknown => {
  const symbol = (Symbol as { readonly observable?: symbol }).observable
  return (symbol && peek(result, symbol)) ?? peek(result, '@@observable')
}

const observableOf = (result: object): Observable<unknown> | undefined => {
  if (result instanceof Observable) return result
  const interop = interopOf(result)
  if (typeof interop !== 'function') return undefined
  return new Observable(out => {
    const subscription: unknown = interop.call(result).subscribe(out)
    return () => {
      const unsubscribe = typeof subscription === 'function' ? subscription : peek(subscription, 'unsubscribe')
      if (typeof unsubscribe === 'function') unsubscribe.call(subscription)
    }
  })
}

const followObservable = (source$: Observable<unknown>, listener: ResultListener): Cancel => {
  let last: unknown
  const subscription = source$.subscribe({
    next: value => {
      last = value
    },
    error: error => listener.failed(error),
    complete: () => listener.done(last),
  })
  return () => {
    subscription.unsubscribe()
    return 'gone'
  }
}

/** Sockets, streams and `readline` can be iterated, but they are resources, not work to wait for. */
const isEmitter = (result: object): boolean =>
  typeof peek(result, 'on') === 'function' && typeof peek(result, 'emit') === 'function'

const asyncIteratorOf = (result: object): AsyncIterator<unknown> | undefined => {
  const { getReader } = result as Partial<ReadableStream<unknown>>
  if (typeof getReader === 'function') {
    const reader = getReader.call(result) as ReadableStreamDefaultReader<unknown>
    // The stream's own iterator would wait for the next chunk before it returns.
    return {
      next: () => reader.read() as Promise<IteratorResult<unknown>>,
      return: () => reader.cancel().then(() => ({ done: true, value: undefined })),
    }
  }
  return (result as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator]?.()
}

const followIterator = (iterator: AsyncIterator<unknown>, listener: ResultListener): Cancel => {
  let cancelled = false
  const run = async (): Promise<void> => {
    let last: unknown
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      last = step.value
      if (cancelled) break
    }
    // The `return` of a cancelled iterator tells when it has ended.
    if (!cancelled || !iterator.return) listener.done(last)
  }
  run().catch(error => listener.failed(error))
  return () => {
    if (!cancelled && iterator.return) leave(iterator, listener)
    cancelled = true
    return 'leaving'
  }
}

const leave = async (iterator: AsyncIterator<unknown>, listener: ResultListener): Promise<void> => {
  try {
    await iterator.return?.()
    listener.done()
  } catch (error) {
    listener.failed(error)
  }
}

/** A collection has an iterator, but only a generator is an iterator: it holds code to run. */
const isGenerator = (result: object): result is IterableIterator<unknown> =>
  typeof peek(result, 'next') === 'function' && typeof peek(result, Symbol.iterator) === 'function'

const exhaust = (generator: IterableIterator<unknown>): unknown => {
  let last: unknown
  for (const value of generator) last = value
  return last
}
