import type { ConsumeMessage } from 'amqplib'

/**
 * The headers that a consumer gives to the copies it publishes. They name their queue, and count for no other queue: a
 * handler may publish a message to the next service with all its headers.
 */
const ATTEMPT = 'x-attempt'
const ATTEMPT_QUEUE = 'x-attempt-queue'
const EXCHANGE = 'x-original-exchange'
const ROUTING_KEY = 'x-original-routing-key'
const PARKED_QUEUE = 'x-parked-queue'
const OF_RETRIES = [ATTEMPT, ATTEMPT_QUEUE, EXCHANGE, ROUTING_KEY]
const OF_PARKED = [PARKED_QUEUE, 'x-parked-reason', 'x-parked-at', 'x-parked-attempts']
const OWN = [...OF_RETRIES, ...OF_PARKED]

/** The headers of the broker that count deliveries of one message. They do not hold for a copy. */
const DELIVERY_COUNT = 'x-delivery-count'
const ACQUIRED_COUNT = 'x-acquired-count'

type Headers = Record<string, unknown>

/** The name of the queue in which messages wait for so many milliseconds before they come back to `queue`. */
export const delayQueueName = (queue: string, delay: number): string => `${queue}.retry.${delay}`

/**
 * A message as it was first published: with the exchange, the routing key and the headers of its publisher, also when
 * it comes from a delay queue or was parked.
 */
export const asPublished = (message: ConsumeMessage, queue: string): ConsumeMessage => {
  const headers: Headers | undefined = message.properties.headers
  if (!isMarked(headers)) return message
  const isOurs = headers[ATTEMPT_QUEUE] === queue || headers[PARKED_QUEUE] === queue
  const fields = isOurs
    ? { exchange: String(headers[EXCHANGE] ?? ''), routingKey: String(headers[ROUTING_KEY] ?? queue) }
    : {}
  return {
    ...message,
    fields: { ...message.fields, ...fields },
    properties: { ...message.properties, headers: isOurs ? withoutDelays(headers, queue) : ofOthers(headers) },
  }
}

const isMarked = (headers: Headers | undefined): headers is Headers => {
  // Most messages have no headers, so the loop costs nothing.
  for (const name in headers) if (OWN.includes(name)) return true
  return false
}

const without = (headers: Headers, names: readonly string[]): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))

/** A consumer of parked messages sees why they were parked. */
const ofOthers = (headers: Headers): Headers =>
  PARKED_QUEUE in headers ? without(headers, [ATTEMPT, ATTEMPT_QUEUE]) : without(headers, OF_RETRIES)

/** The broker notes each death of a message. Deaths in our delay queues are taken out, like our own headers. */
const withoutDelays = (headers: Headers, queue: string): Headers => {
  const isDelayQueue = (name: unknown): boolean => String(name).startsWith(`${queue}.retry.`)
  const others = without(headers, OWN)
  for (const which of ['first', 'last']) {
    if (!isDelayQueue(others[`x-${which}-death-queue`])) continue
    for (const part of ['queue', 'reason', 'exchange']) delete others[`x-${which}-death-${part}`]
  }
  const deaths = others['x-death']
  if (!Array.isArray(deaths)) return others
  const left = deaths.filter(death => !isDelayQueue((death as Headers | undefined)?.['queue']))
  if (left.length > 0) others['x-death'] = left
  else delete others['x-death']
  return others
}

/** The attempt that a copy of ours counts for this queue. Default 1. */
export const attemptOf = ({ properties }: ConsumeMessage, queue: string): number => {
  const headers: Headers | undefined = properties.headers
  if (headers?.[ATTEMPT_QUEUE] !== queue) return 1
  const attempt = headers[ATTEMPT]
  return typeof attempt === 'number' && attempt >= 1 ? attempt : 1
}

/** The headers of a copy that comes back to its queue as this attempt. */
export const headersOfAttempt = (message: ConsumeMessage, queue: string, attempt: number): Headers => ({
  ...headersOfCopy(message),
  [ATTEMPT]: attempt,
  [ATTEMPT_QUEUE]: queue,
})

/** The headers of a copy that is parked after this attempt. They tell people why. */
export const headersOfParked = (message: ConsumeMessage, queue: string, attempt: number, reason: string): Headers => ({
  ...headersOfCopy(message),
  [PARKED_QUEUE]: queue,
  'x-parked-reason': reason,
  'x-parked-at': new Date().toISOString(),
  'x-parked-attempts': attempt,
})

const headersOfCopy = ({ properties, fields }: ConsumeMessage): Headers => {
  const headers = without(properties.headers ?? {}, ['CC', 'BCC', DELIVERY_COUNT, ACQUIRED_COUNT])
  return { ...headers, [EXCHANGE]: fields.exchange, [ROUTING_KEY]: fields.routingKey }
}

/** How often a message came back to its queue without having been settled, as far as the broker tells. */
export const timesReturned = (message: ConsumeMessage): number =>
  deliveryCount(message) ?? (message.fields.redelivered ? 1 : 0)

/** How often a message came back, as counted by a quorum queue. `undefined` on queues that do not count. */
export const deliveryCount = ({ properties, fields }: ConsumeMessage): number | undefined => {
  // On a message that has not come back, the header is a leftover: its publisher has passed on the headers of another.
  if (!fields.redelivered) return undefined
  const headers: Headers | undefined = properties.headers
  const counted = headers?.[DELIVERY_COUNT]
  if (typeof counted === 'number') return counted
  return headers?.[ACQUIRED_COUNT] === undefined ? undefined : 0
}
