import type { ConsumeMessage } from 'amqplib'
import { follow } from '../../../core/hooks/hook-result.ts'
import type { Delivery } from './delivery.ts'
import { ABORTED, DONE, type OnEnded } from './ended.ts'
import type { MessageHandler } from './options.ts'
import type { Worker } from './worker.ts'

/** Calls a handler for each message. */
export const handlerWorker = (
  handler: MessageHandler,
  decode: (message: ConsumeMessage) => unknown,
  onEnded: OnEnded,
): Worker => {
  const giveUp = (delivery: Delivery) => {
    if (delivery.cancel?.() === 'gone') onEnded(delivery, ABORTED)
  }
  return {
    begin: delivery => {
      const fail = (error: unknown) => onEnded(delivery, delivery.aborted ? ABORTED : { how: 'failed', error })
      let result: unknown
      try {
        result = handler(decode(delivery.message), delivery)
      } catch (error) {
        return fail(error)
      }
      const cancel = follow(result, {
        // A generator that was cut off has not done all of its work.
        done: () => onEnded(delivery, delivery.aborted && delivery.cancel ? ABORTED : DONE),
        failed: fail,
      })
      if (delivery.ended) return
      delivery.cancel = cancel
      // Aborted by what it did meanwhile.
      if (delivery.aborted) giveUp(delivery)
    },
    abort: delivery => {
      delivery.abort()
      giveUp(delivery)
    },
  }
}
