import type { ConsumeMessage, Options } from 'amqplib'
import { messageOf } from '../../../core/errors.ts'
import type { Features } from '../connection/features.ts'
import { delayQueueName, headersOfAttempt, headersOfParked } from './own-headers.ts'
import type { Queue } from './queue.ts'

/** A message to publish, and the queue it goes to. */
export interface Copy {
  readonly queue: string
  /** The options to declare the queue with. `undefined`: the queue is there. */
  readonly declareWith: Options.AssertQueue | undefined
  readonly content: Buffer
  readonly options: Options.Publish
}

/** The longest reason in a header, in characters, because all headers share one frame. */
const LONGEST_REASON = 1000

/** How long a queue of ours stays after its last declaration, beyond the delay of its messages, in milliseconds. */
export const UNUSED_FOR = 86_400_000

/** A copy for the delay queue, which gives it back as this attempt after `delay` milliseconds. */
export const delayedCopy = (
  message: ConsumeMessage,
  queue: Queue,
  attempt: number,
  delay: number,
  { deadLettersSafely }: Features,
): Copy => ({
  ...renewedCopy(message, queue, attempt),
  queue: delayQueueName(queue.name, delay),
  declareWith: {
    durable: deadLettersSafely || queue.durable,
    messageTtl: delay,
    deadLetterExchange: '',
    deadLetterRoutingKey: queue.name,
    expires: delay + UNUSED_FOR,
    arguments: deadLettersSafely ? HANDED_OVER_SAFELY : typeArguments(queue.type),
  },
})

/**
 * Only a quorum queue keeps a message until the target queue has it. The target may be of any type, and may be full or
 * unavailable for a while.
 */
const HANDED_OVER_SAFELY = {
  'x-queue-type': 'quorum',
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
}

/** A copy for the end of its own queue, as this attempt. The broker has counted nothing for it. */
export const renewedCopy = (message: ConsumeMessage, queue: Queue, attempt: number): Copy => ({
  queue: queue.name,
  declareWith: undefined,
  content: message.content,
  options: { ...properties(message), headers: headersOfAttempt(message, queue.name, attempt) },
})

/** A copy for the queue of parked messages. Sent back from there, it begins with attempt 1. */
export const parkedCopy = (message: ConsumeMessage, queue: Queue, attempt: number, error: unknown): Copy => ({
  queue: queue.parkedName,
  declareWith: {
    durable: queue.durable,
    arguments: queue.type === 'stream' ? {} : typeArguments(queue.type),
    ...(queue.isTemporary && { expires: UNUSED_FOR }),
  },
  content: message.content,
  options: {
    ...properties(message),
    headers: headersOfParked(message, queue.name, attempt, messageOf(error).slice(0, LONGEST_REASON)),
  },
})

const typeArguments = (type: Queue['type']): Record<string, unknown> => (type ? { 'x-queue-type': type } : {})

/** The properties of the original, without those that would make the broker refuse or expire the copy. */
const properties = ({ properties }: ConsumeMessage): Options.Publish => {
  const { headers: _headers, userId: _userId, expiration: _expiration, clusterId: _clusterId, ...rest } = properties
  return { ...rest, deliveryMode: true }
}
