import type { ConsumeMessage, Options } from 'amqplib'
import { messageOf } from '../../../core/errors.ts'
import type { QueueOptions } from './options.ts'
import { queueArguments } from './topology.ts'

/** A message as it is published anew, and the queue it goes to. */
export interface Copy {
  readonly queue: string
  /** What the queue is declared with; `undefined` for one that is there. */
  readonly declareWith: Options.AssertQueue | undefined
  readonly content: Buffer
  readonly options: Options.Publish
}

const ATTEMPT = 'x-attempt'
/** A header has to fit into a frame, with all others. */
const LONGEST_REASON = 1000

/** Which attempt the delivery of a message is: the first says nothing of it. */
export const attemptOf = ({ properties }: ConsumeMessage): number => {
  const attempt: unknown = properties.headers?.[ATTEMPT]
  return typeof attempt === 'number' && attempt >= 1 ? attempt : 1
}

/** For a queue that gives it back after `delay` milliseconds; with no delay, for the queue it came from. */
export const retryCopy = (
  message: ConsumeMessage,
  queue: string,
  { type, durable = true }: Omit<QueueOptions, 'name'>,
  delay: number,
): Copy => {
  const { content } = message
  const options = { ...properties(message), headers: { ...headers(message), [ATTEMPT]: attemptOf(message) + 1 } }
  if (delay === 0) return { queue, declareWith: undefined, content, options }
  const back = { messageTtl: delay, deadLetterExchange: '', deadLetterRoutingKey: queue }
  // A quorum queue hands over only what has arrived, if it is told to.
  const declareWith =
    type === 'quorum'
      ? { durable, ...back, arguments: { ...queueArguments(type), ...AT_LEAST_ONCE } }
      : { durable, ...back, arguments: queueArguments(type) }
  return { queue: `${queue}.retry.${delay}`, declareWith, content, options }
}

const AT_LEAST_ONCE = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }

/** For the queue where people look after it, with what they will want to know. Sent back from there it begins anew. */
export const parkedCopy = (
  message: ConsumeMessage,
  queue: string,
  { type, durable = true }: Omit<QueueOptions, 'name'>,
  error: unknown,
): Copy => {
  const { [ATTEMPT]: _, ...rest } = headers(message)
  const told = {
    'x-parked-reason': messageOf(error).slice(0, LONGEST_REASON),
    'x-parked-at': new Date().toISOString(),
    'x-parked-attempts': attemptOf(message),
    'x-parked-queue': queue,
  }
  return {
    queue: `${queue}.parked`,
    declareWith: { durable, arguments: queueArguments(type) },
    content: message.content,
    options: { ...properties(message), headers: { ...rest, ...told } },
  }
}

/** As they came, but for what would have the copy refused, expired on the way, or published to others as well. */
const properties = ({ properties }: ConsumeMessage): Options.Publish => {
  const { headers: _headers, userId: _userId, expiration: _expiration, clusterId: _clusterId, ...rest } = properties
  return { ...rest, deliveryMode: true }
}

/** Where it was first published is told by the broker only once. */
const headers = ({ properties, fields }: ConsumeMessage): Record<string, unknown> => {
  const { CC: _CC, BCC: _BCC, ...rest } = properties.headers ?? {}
  return { 'x-original-exchange': fields.exchange, 'x-original-routing-key': fields.routingKey, ...rest }
}
