import type { ConsumeMessage } from 'amqplib'
import { messageOf } from '../../../core/errors.ts'
import { must } from '../../../core/options.ts'
import { amqpError } from '../amqp-error.ts'

/** The form that a message's content is turned into. */
export type Decode = 'json' | 'text' | 'buffer' | ((content: Buffer, message: ConsumeMessage) => unknown)

/** The body that comes of it. What JSON holds nobody knows before: say it at the handler's parameter, or check it. */
export type BodyOf<D extends Decode> = D extends 'text'
  ? string
  : D extends 'buffer'
    ? Buffer
    : D extends (content: Buffer, message: ConsumeMessage) => infer T
      ? T
      : unknown

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const checkDecode = (service: string, decode: unknown): void => {
  const good = typeof decode === 'function' || ['json', 'text', 'buffer'].includes(decode as string)
  must(service, 'decode', good, '"json", "text", "buffer" or a function', decode)
}

/** @throws ServiceError `ERR_AMQP_BODY` */
export const decoder = (service: string, decode: Decode): ((message: ConsumeMessage) => unknown) => {
  if (decode === 'buffer') return message => message.content
  if (decode === 'text') return message => message.content.toString()
  const read = decode === 'json' ? (content: Buffer): unknown => JSON.parse(content.toString()) : decode
  return message => {
    try {
      return read(message.content, message)
    } catch (cause) {
      const what = decode === 'json' ? 'is not JSON' : 'could not be decoded'
      throw amqpError('ERR_AMQP_BODY', service, `got a message whose body ${what}: ${messageOf(cause)}`, cause)
    }
  }
}
