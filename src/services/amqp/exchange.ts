import type { Channel, Options } from 'amqplib'
import { messageOf } from '../../core/errors.ts'
import { flag, isName, isRecord, known, must, namesOf } from '../../core/options.ts'
import { amqpError } from './amqp-error.ts'
import type { Ask } from './connection/at-once.ts'
import { codeOf } from './connection/errors.ts'
import { mustBeFinite } from './connection/unsendable.ts'

/** A source of messages for a queue, or for an exchange. */
export interface BindingOptions {
  /** The exchange from which the messages come. */
  readonly exchange: string
  /** The routing key or pattern. Default `''`. */
  readonly pattern?: string
  /** For a source of type `headers`: `{ 'x-match': 'all', kind: 'order' }`. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** An exchange and what it is declared with: the options of amqplib, with `durable: true` as default. */
export interface ExchangeOptions extends Options.AssertExchange {
  readonly name: string
  readonly type: 'direct' | 'topic' | 'fanout' | 'headers' | (string & {})
  /** The exchanges from which messages come to this exchange. All exchanges are declared before the first binding. */
  readonly bindings?: readonly BindingOptions[]
}

const EXCHANGE_OPTIONS = namesOf<ExchangeOptions>({
  name: true,
  type: true,
  durable: true,
  internal: true,
  autoDelete: true,
  alternateExchange: true,
  arguments: true,
  bindings: true,
})

const BINDING_OPTIONS = namesOf<BindingOptions>({ exchange: true, pattern: true, arguments: true })

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const checkBindings = (service: string, option: string, bindings: readonly BindingOptions[]): void => {
  must(service, option, Array.isArray(bindings), 'an array of bindings', bindings)
  for (const binding of bindings) {
    known(service, binding, BINDING_OPTIONS, `${option}.`)
    const { exchange, pattern, arguments: args } = binding ?? {}
    must(service, option, isName(exchange), 'bindings with an exchange each', exchange)
    must(service, `${option}.pattern`, pattern === undefined || typeof pattern === 'string', 'a string', pattern)
    must(service, `${option}.arguments`, args === undefined || isRecord(args), 'an object', args)
  }
}

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const checkExchange = (service: string, option: string, exchange: ExchangeOptions): void => {
  known(service, exchange, EXCHANGE_OPTIONS, `${option}.`)
  const { name, type, durable, internal, autoDelete, bindings } = exchange ?? {}
  must(service, `${option}.name`, isName(name), 'the name of an exchange', name)
  must(service, `${option}.type`, isName(type), 'a type, like "topic" or "fanout"', type)
  flag(service, `${option}.durable`, durable)
  flag(service, `${option}.internal`, internal)
  flag(service, `${option}.autoDelete`, autoDelete)
  if (bindings !== undefined) checkBindings(service, `${option}.bindings`, bindings)
}

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const checkExchanges = (service: string, option: string, exchanges: readonly ExchangeOptions[]): void => {
  must(service, option, Array.isArray(exchanges), 'an array of exchanges', exchanges)
  for (const exchange of exchanges) checkExchange(service, option, exchange)
}

// Refused, not found, locked by another connection, declared with other particulars.
const REPLIES: readonly unknown[] = [403, 404, 405, 406]

/** Whether it is the broker's answer to a request, rather than trouble on the way there. */
export const isRefusal = (cause: unknown): boolean => REPLIES.includes(codeOf(cause))

/** The service that uses an exchange, and its broker, for messages. */
interface User {
  readonly service: string
  readonly address: string
}

/** Asks something about an exchange. A refusal becomes `ERR_AMQP_EXCHANGE`; any other trouble stays as it is. */
export const withExchange = async (
  { service, address }: User,
  exchange: string,
  request: () => PromiseLike<unknown>,
): Promise<void> => {
  try {
    await request()
  } catch (cause) {
    if (!isRefusal(cause)) throw cause
    const what = `can't use exchange "${exchange}" at ${address}: ${messageOf(cause)}`
    throw amqpError('ERR_AMQP_EXCHANGE', service, what, cause)
  }
}

/**
 * The requests that declare exchanges, and then those that bind them, so that the exchanges may be given in any order.
 */
export const exchangeRequests = (
  user: User,
  channel: Channel,
  exchanges: readonly ExchangeOptions[],
): readonly Ask[] => [
  ...exchanges.map(
    ({ name, type, bindings: _, ...options }): Ask =>
      async () => {
        mustBeFinite(user.service, `exchange "${name}"`, options)
        await withExchange(user, name, () => channel.assertExchange(name, type, options))
      },
  ),
  ...exchanges.flatMap(({ name, bindings = [] }) =>
    bindings.map(
      ({ exchange: source, pattern = '', arguments: args }): Ask =>
        async () => {
          mustBeFinite(user.service, `the binding of exchange "${name}" to exchange "${source}"`, args)
          await withExchange(user, source, () => channel.bindExchange(name, source, pattern, args))
        },
    ),
  ),
]
