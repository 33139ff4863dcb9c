import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { EMPTY, NEVER, Observable, of, throwError } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { type Cancel, follow } from '../../../src/core/hooks/hook-result.ts'
import { deferred, turn } from '../life.ts'

const cause = new Error('no route')

/** What is told of a result, in words, now and once promises have had their turn. */
const told = async (result: unknown, then: (cancel: Cancel | undefined) => unknown = () => {}): Promise<string[]> => {
  const log: string[] = []
  const cancel = follow(result, {
    done: last => log.push(last === undefined ? 'done' : `done ${String(last)}`),
    failed: error => log.push(`failed ${(error as Error).message}`),
  })
  log.push('|')
  await turn()
  await then(cancel)
  await turn()
  return log
}

/** An Observable as other libraries have them. */
const foreign = (
  subscribe: (observer: { complete(): void; error(error: unknown): void }) => unknown,
  key: PropertyKey,
) => ({
  subscribe,
  [key]() {
    return this
  },
})

const thenable = (then: (done: (value: number) => void) => void): object =>
  Object.defineProperty({}, 'then', { value: then })

const unreadable = (key: PropertyKey): object =>
  Object.defineProperty({}, key, {
    get: () => {
      throw cause
    },
  })

describe('what a hook returned', () => {
  test.each<[string, () => unknown, string[]]>([
    ['nothing is done at once', () => undefined, ['done', '|']],
    ['a number is done at once', () => 1, ['done 1', '|']],
    ['a function is done at once, and is not called', () => () => cause, ['done () => cause', '|']],
    ['an object is done at once', () => ({ toString: () => 'x' }), ['done x', '|']],
    ['a list is done at once', () => [1, 2], ['done 1,2', '|']],
    ['a promise is waited for', () => Promise.resolve(1), ['|', 'done 1']],
    ['a rejection fails', () => Promise.reject(cause), ['|', 'failed no route']],
    ['a thenable is waited for', () => thenable(done => done(1)), ['done 1', '|']],
    ['an Observable is waited for', () => of(1, 2), ['done 2', '|']],
    ['an Observable that says nothing is done', () => EMPTY, ['done', '|']],
    ['an Observable that errors fails', () => throwError(() => cause), ['failed no route', '|']],
    ["another library's Observable is waited for", () => foreign(o => o.complete(), '@@observable'), ['done', '|']],
    [
      "another library's Observable fails",
      () => foreign(o => o.error(cause), '@@observable'),
      ['failed no route', '|'],
    ],
    [
      'an async generator is run to its end',
      async function* () {
        yield 1
        yield 2
      },
      ['|', 'done 2'],
    ],
    [
      'an async generator that throws fails',
      // biome-ignore lint/correctness/useYield: it fails before it comes to that.
      async function* () {
        throw cause
      },
      ['|', 'failed no route'],
    ],
    [
      'a generator is run to its end at once',
      function* () {
        yield 1
        yield 2
      },
      ['done 2', '|'],
    ],
    [
      'a generator that throws fails',
      // biome-ignore lint/correctness/useYield: it fails before it comes to that.
      function* () {
        throw cause
      },
      ['failed no route', '|'],
    ],
    ['a ReadableStream is read to its end', () => ReadableStream.from(['a', 'b']), ['|', 'done b']],
    [
      'a Node stream is not read',
      () => Readable.from(['a'], { objectMode: false }).once('data', () => {}),
      ['done [object Object]', '|'],
    ],
    [
      'an event emitter is done at once',
      () => Object.assign(new EventEmitter(), { toString: () => 'x' }),
      ['done x', '|'],
    ],
    ['a then that throws fails', () => unreadable('then'), ['failed no route', '|']],
    [
      'a then that throws when it is called fails',
      () =>
        thenable(() => {
          throw cause
        }),
      ['failed no route', '|'],
    ],
    ['an iterator that can not be read fails', () => unreadable(Symbol.asyncIterator), ['failed no route', '|']],
    [
      'an iterator that is none fails',
      () => ({ [Symbol.asyncIterator]: () => ({}) }),
      ['|', 'failed iterator.next is not a function'],
    ],
    [
      'a reader that is none fails',
      () => ({ getReader: () => undefined }),
      ['|', "failed Cannot read properties of undefined (reading 'read')"],
    ],
    [
      'an Observable that is none fails',
      () => ({ '@@observable': () => 1 }),
      ['failed interop.call(...).subscribe is not a function', '|'],
    ],
  ])('%s', async (_, result, expected) => expect(await told(result())).toEqual(expected))
})

describe('a result that is cancelled', () => {
  test('a promise can not be', async () => {
    const log = await told(deferred().promise, cancel => expect(cancel).toBeUndefined())
    expect(log).toEqual(['|'])
  })

  test('an Observable is unsubscribed, and gone', async () => {
    let left = 0
    const source$ = new Observable(() => () => left++)
    const log = await told(source$, cancel => expect(cancel?.()).toBe('gone'))
    expect([log, left]).toEqual([['|'], 1])
  })

  test("another library's Observable is unsubscribed, whichever way it says how", async () => {
    const left: string[] = []
    const ways = [() => left.push('function'), { unsubscribe: () => left.push('object') }]
    for (const way of ways)
      await told(
        foreign(() => way, '@@observable'),
        cancel => cancel?.(),
      )
    await told(
      foreign(() => undefined, '@@observable'),
      cancel => cancel?.(),
    )
    expect(left).toEqual(['function', 'object'])
  })

  test('an async generator that is at a yield ends there, and is waited for', async () => {
    const log: string[] = []
    const gate = deferred()
    const clean = deferred()
    async function* work() {
      try {
        await gate.promise
        yield 1
        log.push('never')
      } finally {
        log.push('cleaning')
        await clean.promise
      }
    }
    const said = await told(work(), async cancel => {
      expect(cancel?.()).toBe('leaving')
      expect(cancel?.()).toBe('leaving')
      gate.resolve()
      await turn()
      log.push('still there')
      clean.resolve()
    })
    expect([said, log]).toEqual([
      ['|', 'done'],
      ['cleaning', 'still there'],
    ])
  })

  test('an async generator that fails while it cleans up fails', async () => {
    expect(await told(throwsOnReturn(), cancel => cancel?.())).toEqual(['|', 'failed no route'])
  })

  test('an iterator without a return is left at its next value', async () => {
    const gate = deferred<IteratorResult<number>>()
    const asked: number[] = []
    const next = (): Promise<IteratorResult<number>> => {
      asked.push(1)
      return gate.promise
    }
    const iterable = { [Symbol.asyncIterator]: () => ({ next }) }
    const log = await told(iterable, cancel => {
      cancel?.()
      gate.resolve({ done: false, value: 7 })
    })
    expect([log, asked]).toEqual([['|', 'done 7'], [1]])
  })

  test('a ReadableStream that gives nothing is cancelled', async () => {
    const reasons: string[] = []
    const stream = new ReadableStream({ cancel: () => void reasons.push('cancelled') })
    expect(await told(stream, cancel => cancel?.())).toEqual(['|', 'done'])
    expect(reasons).toEqual(['cancelled'])
  })

  test('an Observable that never ends holds nothing once it is cancelled', async () => {
    expect(await told(NEVER, cancel => cancel?.())).toEqual(['|'])
  })
})

const throwsOnReturn = (): AsyncIterable<number> => ({
  [Symbol.asyncIterator]: () => ({ next: () => deferred<never>().promise, return: () => Promise.reject(cause) }),
})
