import type { Service } from 'rx-service-group'
import { amqpConsumer, amqpMessages } from 'rx-service-group/amqp'
import { serviceConformance } from 'rx-service-group/testing'
import { filter, firstValueFrom, mergeMap, raceWith, Subject, switchMap, take, throwError, timer } from 'rxjs'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

type Handler = (body: string) => Promise<void>
type Make = (url: string, queue: string, handler: Handler) => Service

const kinds: Record<string, Make> = {
  'a consumer': (url, queue, handler) => amqpConsumer('orders', { url, queue, decode: 'text' }, handler),
  'a pipeline of messages': (url, queue, handler) =>
    amqpMessages('orders', { url, queue, decode: 'text' }, messages$ =>
      messages$.pipe(
        mergeMap(async message => {
          await handler(message.body)
          return message
        }),
      ),
    ),
}

describe.each(Object.entries(kinds))('%s is like any other service', (_, make) => {
  const queue = queueName()
  const handled$ = new Subject<string>()
  const begun$ = new Subject<string>()
  const slow = new Map<string, { readonly promise: Promise<void> }>()
  let sent = 0

  const handler = async (body: string) => {
    begun$.next(body)
    await slow.get(body)?.promise
    handled$.next(body)
  }
  const seen = (where$: Subject<string>, body: string) => {
    const late$ = timer(1000).pipe(switchMap(() => throwError(() => new Error(`message ${body} was not handled`))))
    return firstValueFrom(
      where$.pipe(
        filter(it => it === body),
        take(1),
        raceWith(late$),
      ),
    )
  }

  const checks = serviceConformance({
    timeout: 1000,
    create: () => make(broker.url, queue, handler),
    use: async () => {
      const body = `quick ${sent++}`
      const handled = seen(handled$, body)
      await other.publish(queue, [body])
      await handled
    },
    work: async () => {
      const body = `slow ${sent++}`
      const wait = promised()
      slow.set(body, wait)
      const begun = seen(begun$, body)
      const done = firstValueFrom(handled$.pipe(filter(it => it === body)))
      await other.publish(queue, [body])
      await begun
      return {
        done,
        finish: () => {
          slow.delete(body)
          wait.resolve()
        },
      }
    },
    broken: () => make(broker.url.replace(/:[^:@]*@/, ':wrong@'), queue, handler),
  })
  for (const { name, run } of checks) test(name, run)
})
