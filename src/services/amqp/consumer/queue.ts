import type { Options } from 'amqplib'
import { flag, isName, isRecord, must, oneOf, refuse } from '../../../core/options.ts'
import { delayQueueName } from './own-headers.ts'

/** A queue, with the options of amqplib's `assertQueue`. Default of `durable`: true. */
export interface QueueOptions extends Options.AssertQueue {
  /** Without a name, the server chooses one, and another one after each reconnect. That needs `exclusive: true`. */
  readonly name?: string
  /** Default: the type of the virtual host, which is `'classic'` unless an operator changed it. */
  readonly type?: QueueType
  /**
   * The broker serves one consumer of the queue at a time. At a stop the next consumer begins only when the handlers of
   * this one have ended: the order is kept, and nothing overlaps. Needed with `declare: false` too. Default false.
   */
  readonly singleActiveConsumer?: boolean
}

/** The type of a queue. */
export type QueueType = 'classic' | 'quorum' | 'stream'

const TYPES: readonly QueueType[] = ['classic', 'quorum', 'stream']

/** A queue, checked. */
export interface Queue {
  /** Empty until the server has chosen one. */
  readonly name: string
  readonly isServerNamed: boolean
  /** `undefined`: the type of the virtual host. */
  readonly type: QueueType | undefined
  readonly durable: boolean
  /** The broker deletes the queue with its last consumer or connection. */
  readonly isTemporary: boolean
  readonly hasSingleActiveConsumer: boolean
  /** It may be a quorum queue, which loses acknowledgements when the channel is closed behind them. */
  readonly canLoseAcks: boolean
  /** How often a message may come back to a quorum queue. */
  readonly deliveryLimit: number
  readonly parkedName: string
  readonly declareWith: Options.AssertQueue
}

/** The default of RabbitMQ 4. Earlier versions have no limit. */
const DEFAULT_DELIVERY_LIMIT = 20

/** The longest name of a queue, in bytes. */
const LONGEST_NAME = 255

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const queueOf = (service: string, given: string | QueueOptions, longestDelay: number): Queue => {
  const {
    name = '',
    type: ownType,
    singleActiveConsumer,
    ...options
  }: QueueOptions = typeof given === 'string' ? { name: given } : isRecord(given) ? given : {}
  const isServerNamed = isRecord(given) && given.name === undefined
  if (isServerNamed && options.exclusive !== true)
    refuse(service, 'queue must have a name; only with `exclusive: true` may the server choose one')
  must(service, 'queue', isServerNamed || isName(name), 'the name of a queue', typeof given === 'string' ? given : name)
  if (ownType !== undefined) oneOf(service, 'queue.type', TYPES, ownType)
  flag(service, 'queue.singleActiveConsumer', singleActiveConsumer)
  const ownArguments: Readonly<Record<string, unknown>> = isRecord(options.arguments) ? { ...options.arguments } : {}
  const type = ownType ?? (ownArguments['x-queue-type'] as QueueType | undefined)
  const single = singleActiveConsumer ?? ownArguments['x-single-active-consumer'] === true
  const limit = ownArguments['x-delivery-limit']
  const isTemporary = options.exclusive === true || options.autoDelete === true
  const suffixed = [delayQueueName(name, longestDelay), parkedName(name)]
  const longest = suffixed.find(other => Buffer.byteLength(other) > LONGEST_NAME)
  if (longest)
    refuse(
      service,
      `the name of the queue is too long: messages that failed wait in "${longest}", of more than 255 bytes`,
    )
  return {
    name,
    isServerNamed,
    type,
    durable: options.durable ?? true,
    isTemporary,
    hasSingleActiveConsumer: single,
    canLoseAcks: (type === undefined || type === 'quorum') && !isTemporary,
    deliveryLimit: typeof limit === 'number' ? (limit < 0 ? Infinity : limit) : DEFAULT_DELIVERY_LIMIT,
    parkedName: parkedName(isServerNamed ? service : name),
    declareWith: {
      ...options,
      arguments: {
        ...ownArguments,
        ...(type && { 'x-queue-type': type }),
        ...(single && { 'x-single-active-consumer': true }),
      },
    },
  }
}

const parkedName = (queue: string): string => `${queue}.parked`
