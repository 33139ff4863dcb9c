import type { Channel, Options } from 'amqplib'

/**
 * Why a message can't be sent over a channel: its headers and other properties have to fit into one frame, whose size is
 * agreed on with the broker (`frame_max`, 128 KiB unless the broker or `?frameMax=` in the URL says less). A broker that
 * is sent a larger frame closes the whole connection, and with it the channels of everybody who shares it.
 *
 * @throws whatever a getter of a header throws
 */
export const tooLarge = (channel: Channel, options: Options.Publish): Error | undefined => {
  const { headers, CC, BCC } = options
  // The other properties together are smaller than the smallest frame of all, which has 4096 bytes.
  if (headers === undefined && CC === undefined && BCC === undefined) return undefined
  const { frameMax } = channel.connection as { readonly frameMax?: number }
  if (frameMax === undefined) return undefined
  const size = FRAME + sizeOfProperties(options) + sizeOfTable({ ...inherited(headers), ...copies(CC, BCC) })
  if (size <= frameMax) return undefined
  return new Error(
    `its headers and properties take ${size} bytes, and a frame (frame_max) has ${frameMax}; make them smaller`,
  )
}

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

/** As amqplib encodes it: one byte for the type, then the value. What can't be encoded counts as nothing. */
const sizeOfValue = (value: unknown): number => {
  if (typeof value === 'string') return 1 + 4 + Buffer.byteLength(value)
  if (typeof value === 'boolean') return 1 + 1
  if (typeof value === 'number') return 1 + sizeOfNumber(value)
  if (typeof value !== 'object' || value === null) return 1
  if (Object.hasOwn(value, '!')) return sizeOfTyped(value as { readonly '!': unknown; readonly value?: unknown })
  if (Buffer.isBuffer(value)) return 1 + 4 + value.length
  if (Array.isArray(value)) return value.reduce((size: number, one) => size + sizeOfValue(one), 1 + 4)
  return 1 + sizeOfTable(value)
}

const sizeOfNumber = (value: number): number => {
  if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 31) return 8
  if (value >= -128 && value < 128) return 1
  return value >= -0x8000 && value < 0x8000 ? 2 : 4
}

/** A value with its type, in bytes: `{ '!': 'timestamp', value: 0 }`. */
const TYPED: Readonly<Record<string, number>> = {
  ...{ byte: 1, int8: 1, unsignedbyte: 1, uint8: 1, boolean: 1 },
  ...{ short: 2, int16: 2, unsignedshort: 2, uint16: 2 },
  ...{ int: 4, int32: 4, unsignedint: 4, uint32: 4, float: 4, decimal: 5 },
  ...{ long: 8, int64: 8, double: 8, float64: 8, timestamp: 8 },
}

const sizeOfTyped = ({ '!': type, value }: { readonly '!': unknown; readonly value?: unknown }): number =>
  type === 'number' || type === 'string' || type === 'object' ? sizeOfValue(value) : 1 + (TYPED[String(type)] ?? 0)
