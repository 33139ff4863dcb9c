import { serviceGroup, values } from 'rx-service-group'
import { fakeService } from 'rx-service-group/testing'
import { Observable, of, Subject, throwError } from 'rxjs'
import { expect, test } from 'vitest'

test('a loop reads every value and ends when the stream completes', async () => {
  const seen: number[] = []
  for await (const value of values(of(1, 2, 3))) seen.push(value)
  expect(seen).toEqual([1, 2, 3])
})

test('nothing is lost while the body works', async () => {
  const source$ = new Subject<number>()
  const seen: number[] = []
  const reading = (async () => {
    for await (const value of values(source$)) {
      seen.push(value)
      if (value === 1) for (const next of [2, 3]) source$.next(next)
      await new Promise(resolve => setTimeout(resolve))
      if (value === 3) source$.complete()
    }
  })()
  source$.next(1)
  await reading
  expect(seen).toEqual([1, 2, 3])
})

test('each way out of the loop unsubscribes', async () => {
  let subscribers = 0
  const forever$ = new Observable<number>(out => {
    subscribers++
    out.next(1)
    return () => {
      subscribers--
    }
  })
  const read = async (how: 'break' | 'throw' | 'abort'): Promise<unknown> => {
    const controller = new AbortController()
    try {
      for await (const _ of values(forever$, { signal: controller.signal })) {
        expect(subscribers).toBe(1)
        if (how === 'break') break
        if (how === 'throw') throw new Error('body')
        setTimeout(() => controller.abort('enough'))
      }
    } catch (error) {
      return error
    }
    return undefined
  }
  expect(await read('break')).toBe(undefined)
  expect(await read('throw')).toMatchObject({ message: 'body' })
  expect(await read('abort')).toBe('enough')
  expect(subscribers).toBe(0)
})

test('an error of the stream is thrown after the values before it, also one that is undefined', async () => {
  const seen: number[] = []
  const failing$ = new Observable<number>(out => {
    out.next(1)
    out.error(undefined)
  })
  const read = async (): Promise<string> => {
    try {
      for await (const value of values(failing$)) seen.push(value)
      return 'ended'
    } catch (error) {
      return `thrown ${error}`
    }
  }
  expect([await read(), seen]).toEqual(['thrown undefined', [1]])
  await expect(values(throwError(() => new Error('no'))).next()).rejects.toThrow('no')
})

test('an aborted signal ends the loop before the values that wait', async () => {
  const controller = new AbortController()
  const seen: number[] = []
  const read = async (): Promise<void> => {
    for await (const value of values(of(1, 2, 3), { signal: controller.signal })) {
      seen.push(value)
      controller.abort('enough')
    }
  }
  await expect(read()).rejects.toBe('enough')
  expect(seen).toEqual([1])
  await expect(values(of(1), { signal: controller.signal }).next()).rejects.toBe('enough')
})

test('options are checked when the loop begins', async () => {
  await expect(values(of(1), { signal: 1 } as never).next()).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
    message: 'values(): signal must be an AbortSignal, got 1',
  })
  await expect(values(of(1), { buffer: 1 } as never).next()).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
})

test('every stream of a group can be read, to its end', async () => {
  const group = serviceGroup('shop').add(fakeService('db'))
  const collect = async <T>(stream$: Observable<T>): Promise<T[]> => {
    const all: T[] = []
    for await (const value of values(stream$)) all.push(value)
    return all
  }
  const reading = [group.status$, group.events$, group.health$, group.service('db').state$].map(stream$ =>
    collect(stream$ as Observable<unknown>),
  )
  await group.start()
  await group.stop()
  const [statuses, events, health, states] = (await Promise.all(reading)) as [
    unknown[],
    unknown[],
    unknown[],
    unknown[],
  ]
  expect(statuses.at(-1)).toBe(group.status)
  expect(events).toHaveLength(statuses.length)
  expect(health.at(-1)).toMatchObject({ ready: false })
  expect(states.at(-1)).toEqual({ phase: 'stopped', how: 'stopped' })
})
