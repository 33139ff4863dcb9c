import type { Channel, Options } from 'amqplib'
import { amqpError } from '../amqp-error.ts'

/**
 * Why a message must not be sent over a channel, if so. The broker would close the whole connection for it, and with it
 * the channels of all services that share the connection.
 *
 * - Headers and other properties have to fit into one frame. Its size is agreed on with the broker: `frame_max`,
 *   128 KiB unless the broker or `?frameMax=` in the URL says less.
 * - The broker has no number for `NaN` and `Infinity`.
 *
 * @throws whatever a getter of a header throws
 */
export const unsendable = (channel: Channel, options: Options.Publish): Error | undefined => {
  const { headers, CC, BCC } = options
  // The other properties together are smaller than the smallest frame of all, which has 4096 bytes.
  if (headers === undefined && CC === undefined && BCC === undefined) return undefined
  const all = { ...inherited(headers), ...copies(CC, BCC) }
  const endless = endlessIn(all)
  if (endless !== undefined)
    return new Error(`header "${endless}" has a number that is not finite; make it finite, or a text`)
  const { frameMax = Infinity } = channel.connection as { readonly frameMax?: number }
  const size = FRAME + sizeOfProperties(options) + sizeOfTable(all)
  if (size <= frameMax) return undefined
  return new Error(
    `its headers and properties take ${size} bytes, and a frame (frame_max) has ${frameMax}; make them smaller`,
  )
}

/** A message can't be sent as it is, now or later. */
export class Unsendable extends Error {}

/** The names of headers that came with a message, and that amqplib can't send on. */
export const faultyHeaders = (headers: object): readonly string[] =>
  Object.entries(headers)
    .filter(([name, value]) => Buffer.byteLength(name) > LONGEST_KEY || isEndless(value) || isUnknown(value))
    .map(([name]) => name)

const LONGEST_KEY = 255

/** Amqplib takes an object with a `!` for a value with a type, and large negative numbers for integers of 64 bits. */
const isUnknown = (value: unknown): boolean => {
  if (typeof value === 'number') return value < -(2 ** 63)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false
  if (!isTyped(value)) return Object.values(value).some(isUnknown)
  return TYPED[String(value['!'])] === undefined
}

/**
 * Refuses a queue, an exchange or a binding for which the broker would close the whole connection.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`
 */
export const mustBeFinite = (service: string, what: string, options: object | undefined): void => {
  const endless = options && endlessIn(options)
  if (endless !== undefined)
    throw amqpError(
      'ERR_INVALID_OPTION',
      service,
      `${endless} of ${what} has a number that is not finite; leave it out`,
    )
}

/** The name of the first value of a table that holds a number that is not finite. */
const endlessIn = (table: object): string | undefined =>
  Object.entries(table).find(([, value]) => isEndless(value))?.[0]

const isEndless = (value: unknown): boolean => {
  if (typeof value === 'number') return !Number.isFinite(value)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false
  if (!isTyped(value)) return Object.values(value).some(isEndless)
  const { '!': type, value: given } = value
  // A float has fewer bits than a number of JavaScript.
  if (type === 'float') return !Number.isFinite(Math.fround(Number(given)))
  return type === 'double' || type === 'float64' ? !Number.isFinite(Number(given)) : isEndless(given)
}

/** A value whose type is given: `{ '!': 'timestamp', value: 0 }`. */
interface Typed {
  readonly '!': unknown
  readonly value?: unknown
}

const isTyped = (value: object): value is Typed => Object.hasOwn(value, '!')

/** Type, channel, size and end of a frame; class, weight, size of the body and flags of the properties. */
const FRAME = 8 + 14

// Amqplib sends what a header inherits, too.
const inherited = (headers: unknown): Record<string, unknown> => {
  const all: Record<string, unknown> = {}
  if (typeof headers === 'object') for (const key in headers) all[key] = (headers as Record<string, unknown>)[key]
  return all
}

const copies = (CC: unknown, BCC: unknown): Record<string, unknown> => ({
  ...(CC !== undefined && { CC: [CC].flat().map(String) }),
  ...(BCC !== undefined && { BCC: [BCC].flat().map(String) }),
})

const TEXTS = [
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'messageId',
  'type',
  'userId',
  'appId',
] as const

const sizeOfProperties = (options: Options.Publish): number => {
  let size = 0
  for (const name of TEXTS) {
    const text: unknown = options[name]
    if (typeof text === 'string') size += 1 + Buffer.byteLength(text)
  }
  if (options.expiration !== undefined) size += 1 + Buffer.byteLength(String(options.expiration))
  if (options.priority !== undefined) size += 1
  if (options.timestamp !== undefined) size += 8
  if (options.persistent !== undefined || options.deliveryMode !== undefined) size += 1
  return size
}

const sizeOfTable = (table: object): number => {
  let size = 4
  for (const key in table) {
    const value: unknown = (table as Record<string, unknown>)[key]
    if (value !== undefined) size += 1 + Buffer.byteLength(key) + sizeOfValue(value)
  }
  return size
}

/** Amqplib writes one byte for the type, then the value. A value that it can't encode counts as nothing. */
const sizeOfValue = (value: unknown): number => {
  if (typeof value === 'string') return 1 + 4 + Buffer.byteLength(value)
  if (typeof value === 'boolean') return 1 + 1
  if (typeof value === 'number') return 1 + sizeOfNumber(value)
  if (typeof value !== 'object' || value === null) return 1
  if (isTyped(value)) return sizeOfTyped(value)
  if (Buffer.isBuffer(value)) return 1 + 4 + value.length
  if (Array.isArray(value)) return value.reduce((size: number, one) => size + sizeOfValue(one), 1 + 4)
  return 1 + sizeOfTable(value)
}

const sizeOfNumber = (value: number): number => {
  if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 31) return 8
  if (value >= -128 && value < 128) return 1
  return value >= -0x8000 && value < 0x8000 ? 2 : 4
}

/** The size of a value by its type, in bytes. */
const TYPED: Readonly<Record<string, number>> = {
  ...{ byte: 1, int8: 1, unsignedbyte: 1, uint8: 1, boolean: 1 },
  ...{ short: 2, int16: 2, unsignedshort: 2, uint16: 2 },
  ...{ int: 4, int32: 4, unsignedint: 4, uint32: 4, float: 4, decimal: 5 },
  ...{ long: 8, int64: 8, double: 8, float64: 8, timestamp: 8 },
}

const sizeOfTyped = ({ '!': type, value }: Typed): number =>
  type === 'number' || type === 'string' || type === 'object' ? sizeOfValue(value) : 1 + (TYPED[String(type)] ?? 0)
