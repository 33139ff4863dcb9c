import type { ConsumeMessage } from 'amqplib'
import { Subject, Subscription } from 'rxjs'
import { refuse } from '../../../core/options.ts'
import type { Delivery } from './delivery.ts'
import { ABORTED, DONE, type OnEnded } from './ended.ts'
import type { AmqpMessage, AmqpPipeline } from './messages.ts'
import type { Worker } from './worker.ts'

/** A pipeline, as what works on messages. */
export interface RunningPipeline {
  readonly worker: (onEnded: OnEnded) => Worker
  /** Subscribes it. It is over once: with an error, or because it has completed. */
  start(onError: (error: unknown) => void, onComplete: () => void): void
}

export const runPipeline = (
  name: string,
  pipeline: AmqpPipeline,
  decode: (message: ConsumeMessage) => unknown,
): RunningPipeline => {
  const messages$ = new Subject<AmqpMessage>()
  const over$ = new Subject<never>()
  const subscription = new Subscription()
  subscription.add(() => over$.complete())

  const comesOut = (out: unknown): void => {
    if (out instanceof Pipelined) out.ack()
    else if (Array.isArray(out)) for (const one of out) comesOut(one)
    else return refuse(name, 'a pipeline must emit its messages, or arrays of them')
  }

  return {
    worker: onEnded => ({
      begin: delivery => {
        let body: unknown
        try {
          body = decode(delivery.message)
        } catch (error) {
          return onEnded(delivery, { how: 'failed', error })
        }
        messages$.next(new Pipelined(delivery, body, onEnded))
      },
      abort: delivery => {
        delivery.abort()
        onEnded(delivery, ABORTED)
      },
      drain: () => {
        messages$.complete()
        return over$
      },
      letGo: () => subscription.unsubscribe(),
    }),
    start: (onError, onComplete) => {
      const fail = (error: unknown) => {
        subscription.unsubscribe()
        onError(error)
      }
      const complete = () => {
        subscription.unsubscribe()
        onComplete()
      }
      const next = (out: unknown) => {
        try {
          comesOut(out)
        } catch (error) {
          fail(error)
        }
      }
      try {
        subscription.add(pipeline(messages$.asObservable()).subscribe({ next, error: fail, complete }))
      } catch (error) {
        fail(error)
      }
    },
  }
}

class Pipelined implements AmqpMessage {
  readonly body: unknown
  readonly #delivery: Delivery
  readonly #onEnded: OnEnded

  constructor(delivery: Delivery, body: unknown, onEnded: OnEnded) {
    this.body = body
    this.#delivery = delivery
    this.#onEnded = onEnded
  }

  get message(): ConsumeMessage {
    return this.#delivery.message
  }

  get attempt(): number {
    return this.#delivery.attempt
  }

  get signal(): AbortSignal {
    return this.#delivery.signal
  }

  get reply(): AmqpMessage['reply'] {
    return this.#delivery.reply
  }

  ack(): void {
    this.#onEnded(this.#delivery, DONE)
  }

  fail(error: unknown): void {
    this.#onEnded(this.#delivery, { how: 'failed', error })
  }
}
