import { messageOf } from '../../../core/errors.ts'
import { must } from '../../../core/options.ts'
import { amqpError } from '../amqp-error.ts'

/** How a body becomes a message's content. */
// biome-ignore lint/suspicious/noExplicitAny: a function that takes one kind of body is as good as one that takes any
export type Encode = 'json' | 'text' | 'buffer' | ((body: any) => Buffer)

/** The body that can be published so. */
export type BodyFor<E extends Encode> = E extends 'text'
  ? string
  : E extends 'buffer'
    ? Buffer
    : E extends (body: infer T) => Buffer
      ? T
      : unknown

/** The content type of an encoded body. */
export const contentTypeOf = (encode: Encode): string | undefined =>
  encode === 'json' ? 'application/json' : encode === 'text' ? 'text/plain' : undefined

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const checkEncode = (service: string, encode: unknown): void => {
  const good = typeof encode === 'function' || ['json', 'text', 'buffer'].includes(encode as string)
  must(service, 'encode', good, '"json", "text", "buffer" or a function', encode)
}

/** @throws ServiceError `ERR_AMQP_BODY` */
export const encoder = (service: string, encode: Encode): ((body: unknown) => Buffer) => {
  const make = typeof encode === 'function' ? encode : ENCODERS[encode]
  return body => {
    let cause: unknown
    try {
      const content = make(body)
      if (Buffer.isBuffer(content)) return content
      cause = new Error(`it became ${content === null ? 'null' : typeof content}, not a Buffer`)
    } catch (error) {
      cause = error
    }
    const what = `can't publish a body that could not be encoded: ${messageOf(cause)}`
    throw amqpError('ERR_AMQP_BODY', service, what, cause)
  }
}

const ENCODERS: Readonly<Record<Exclude<Encode, (body: never) => Buffer>, (body: unknown) => unknown>> = {
  json: body => {
    const text = JSON.stringify(body)
    if (text === undefined) throw new Error(`JSON has no ${typeof body}`)
    return Buffer.from(text)
  },
  text: body => {
    if (typeof body !== 'string') throw new Error(`it is ${body === null ? 'null' : typeof body}, not a string`)
    return Buffer.from(body)
  },
  buffer: body => body,
}
