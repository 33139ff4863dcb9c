import type { ConsumeMessage } from 'amqplib'

/**
 * The headers that a consumer gives to the copies it publishes. Those of one queue say nothing about another: a message
 * may go on to the next service with all its headers.
 */
const ATTEMPT = 'x-attempt'
const ATTEMPT_QUEUE = 'x-attempt-queue'
const EXCHANGE = 'x-original-exchange'
const ROUTING_KEY = 'x-original-routing-key'
const PARKED_QUEUE = 'x-parked-queue'
const OF_RETRIES = [ATTEMPT, ATTEMPT_QUEUE, EXCHANGE, ROUTING_KEY]
const OF_PARKED = [PARKED_QUEUE, 'x-parked-reason', 'x-parked-at', 'x-parked-attempts']
const OWN = [...OF_RETRIES, ...OF_PARKED]

type Headers = Record<string, unknown>

/** The name of the queue in which messages wait for so many milliseconds before they come back to `queue`. */
export const delayQueueName = (queue: string, delay: number): string => `${queue}.retry.${delay}`

/**
 * A message as it was first published: the exchange, the routing key and the headers are those of its publisher, also
 * when it has come back from a delay queue or was parked meanwhile.
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
  // Most messages have no headers at all, so that this costs them nothing.
  for (const name in headers) if (OWN.includes(name)) return true
  return false
}

const without = (headers: Headers, names: readonly string[]): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))

/** Whoever consumes what another consumer has parked wants to know why. */
const ofOthers = (headers: Headers): Headers =>
  PARKED_QUEUE in headers ? without(headers, [ATTEMPT, ATTEMPT_QUEUE]) : without(headers, OF_RETRIES)

/** The broker notes each death of a message. Those in our delay queues are ours, and no business of its handler. */
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

/** The attempt that was counted for the delivery of a message to this queue. 1 when nothing was. */
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

/** The headers of a copy that is set aside after this attempt, with what people will want to know of it. */
export const headersOfParked = (message: ConsumeMessage, queue: string, attempt: number, reason: string): Headers => ({
  ...headersOfCopy(message),
  [PARKED_QUEUE]: queue,
  'x-parked-reason': reason,
  'x-parked-at': new Date().toISOString(),
  'x-parked-attempts': attempt,
})

const headersOfCopy = ({ properties, fields }: ConsumeMessage): Headers => {
  const { CC: _CC, BCC: _BCC, ...rest }: Headers = properties.headers ?? {}
  return { ...rest, [EXCHANGE]: fields.exchange, [ROUTING_KEY]: fields.routingKey }
}

/** How often a message was delivered, and came back to its queue without having been settled. */
export const timesReturned = ({ properties, fields }: ConsumeMessage): number =>
  deliveryCount(properties.headers) ?? (fields.redelivered ? 1 : 0)

/** What a quorum queue has counted. `undefined`: the queue is of another type, which does not count. */
export const deliveryCount = (headers: Headers | undefined): number | undefined => {
  const counted = headers?.['x-delivery-count']
  if (typeof counted === 'number') return counted
  return headers?.['x-acquired-count'] === undefined ? undefined : 0
}
