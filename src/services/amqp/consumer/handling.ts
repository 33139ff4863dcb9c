import type { ConsumeMessage } from 'amqplib'
import { isObservable } from 'rxjs'
import type { Worker } from './consumption.ts'
import type { Delivery } from './delivery.ts'
import { ABORTED, DONE, type OnEnded } from './ended.ts'
import type { MessageHandler } from './options.ts'

/** Calls a handler for each message. */
export const handlerWorker = (
  handler: MessageHandler,
  decode: (message: ConsumeMessage) => unknown,
  onEnded: OnEnded,
): Worker => {
  const letGo = (delivery: Delivery) => {
    if (!delivery.work) return
    delivery.work.unsubscribe()
    onEnded(delivery, ABORTED)
  }
  return {
    begin: delivery => {
      const done = () => onEnded(delivery, DONE)
      const fail = (error: unknown) => onEnded(delivery, delivery.aborted ? ABORTED : { how: 'failed', error })
      try {
        const result = handler(decode(delivery.message), delivery)
        if (isThenable(result)) result.then(done, fail)
        else if (isObservable(result)) {
          delivery.work = result.subscribe({ error: fail, complete: done })
          // Aborted by what it did on subscription.
          if (delivery.aborted) letGo(delivery)
        } else done()
      } catch (error) {
        fail(error)
      }
    },
    abort: delivery => {
      delivery.abort()
      letGo(delivery)
    },
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
