import { Observable, type ObservableInput } from 'rxjs'
import { isObjectLike, peek } from '../foreign.ts'

/**
 * The result of a hook: nothing, or any `ObservableInput`, which is waited for:
 *
 * - a promise, or anything with a `then`: until it settles
 * - an Observable, of RxJS or with `Symbol.observable`: until it completes. When the hook is aborted it is unsubscribed.
 * - an async generator or iterable, or a `ReadableStream`: it is run to its end. When the hook is aborted it is asked to
 *   `return`, and waited for.
 * - a generator: it is run to its end at once
 *
 * A list or another collection is done at once. A Node stream, a socket or another event emitter is not read and not waited
 * for: return a promise of its end, such as `finished(stream)` of `node:stream/promises`.
 */
export type HookResult = void | ObservableInput<unknown>

/** Hears once how a result ended; never, when it was cancelled and does not settle. */
export interface ResultListener {
  /** It came to its end well; an Observable or iterable tells its last value. */
  done(last?: unknown): void
  failed(error: unknown): void
}

/** Asks what a hook returned to give up. `'gone'`: it has, and its listener hears no more of it. */
export type Cancel = () => 'gone' | 'leaving'

/**
 * Follows what a hook returned to its end. Results are values of others: whatever they throw, at any moment, is told as
 * their failure.
 *
 * @returns how to cancel it, when it can be cancelled. A promise can't.
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

/** Other libraries mark their Observables with one of these two; the symbol exists once a library has defined it. */
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

/** Sockets, streams and `readline` can be iterated, but a hook that returns one hands over a resource, not work. */
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
    // An iterator with a `return` tells by that when it has ended.
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

/** A collection has an iterator too, but only a generator is one: there is code in it that wants to run. */
const isGenerator = (result: object): result is IterableIterator<unknown> =>
  typeof peek(result, 'next') === 'function' && typeof peek(result, Symbol.iterator) === 'function'

const exhaust = (generator: IterableIterator<unknown>): unknown => {
  let last: unknown
  for (const value of generator) last = value
  return last
}
