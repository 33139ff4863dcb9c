import type { ConsumeMessage, Options } from 'amqplib'
import { messageOf } from '../../../core/errors.ts'
import type { Features } from '../connection/features.ts'
import { delayQueueName, headersOfAttempt, headersOfParked } from './own-headers.ts'
import type { Queue } from './queue.ts'

/** A message as it is published anew, and the queue it goes to. */
export interface Copy {
  readonly queue: string
  /** What the queue is declared with; `undefined` for one that is there. */
  readonly declareWith: Options.AssertQueue | undefined
  readonly content: Buffer
  readonly options: Options.Publish
}

/** A header has to fit into a frame, with all others. */
const LONGEST_REASON = 1000

/** How long a queue of ours is kept that nobody has declared again, beyond what its messages wait for: a day. */
export const UNUSED_FOR = 86_400_000

/** For a queue that gives it back after `delay` milliseconds, as this attempt. */
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
 * Only a quorum queue keeps a message until the queue it goes back to has it, whatever the type of that one: it may be
 * full, or away for a while.
 */
const HANDED_OVER_SAFELY = {
  'x-queue-type': 'quorum',
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
}

/** For the end of its own queue, as this attempt: to the broker it is a new message, of which nothing was counted. */
export const renewedCopy = (message: ConsumeMessage, queue: Queue, attempt: number): Copy => ({
  queue: queue.name,
  declareWith: undefined,
  content: message.content,
  options: { ...properties(message), headers: headersOfAttempt(message, queue.name, attempt) },
})

/** For the queue where people look after it. Sent back from there it begins anew. */
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

/** As they came, but for what would have the copy refused, expired on the way, or published to others as well. */
const properties = ({ properties }: ConsumeMessage): Options.Publish => {
  const { headers: _headers, userId: _userId, expiration: _expiration, clusterId: _clusterId, ...rest } = properties
  return { ...rest, deliveryMode: true }
}
