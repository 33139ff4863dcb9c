import type { IncomingMessage } from 'node:http'
import { badRequest, Refused } from '../common/refused.ts'

/** How long a body may be, in bytes. */
const LONGEST = 4_096
/** How long a client has to send it, in milliseconds. */
const PATIENCE = 5_000

/**
 * The JSON in the body of a request. The app may have read it before, and kept it as `request.body`.
 *
 * @throws Refused when it is no JSON, is too long, or does not come
 */
export const jsonBody = async (request: IncomingMessage): Promise<unknown> => {
  const { headers } = request
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  if (type.trim().toLowerCase() !== 'application/json') throw badRequest('give application/json')
  if (request.readableDidRead) return readBefore(request)
  if (!['', 'identity'].includes(headers['content-encoding'] ?? '')) throw badRequest('give a body that is not encoded')
  return parse(await bytesOf(request))
}

const readBefore = (request: IncomingMessage & { readonly body?: unknown }): unknown => {
  const { body } = request
  if (body === undefined)
    throw badRequest('something has read the body before; mount the dashboard first, or keep the body as request.body')
  return typeof body === 'string' || body instanceof Uint8Array ? parse(Buffer.from(body)) : body
}

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw badRequest('this is not JSON')
  }
}

const bytesOf = (request: IncomingMessage): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      request.off('data', take).off('end', end).off('close', cut).off('error', cut)
      // The rest is read and dropped, so that the connection can be used again.
      request.on('error', () => {}).resume()
      act()
    }
    const take = (chunk: Uint8Array): void => {
      length += chunk.length
      chunks.push(chunk)
      if (length > LONGEST) settle(() => reject(badRequest(`this is longer than ${LONGEST} bytes`)))
    }
    const end = (): void => settle(() => resolve(Buffer.concat(chunks)))
    const cut = (): void => settle(() => reject(badRequest('the body has not come to its end')))
    const late = (): void => settle(() => reject(new Refused(408, 'ERR_BAD_REQUEST', 'the body does not come')))
    const timer = setTimeout(late, PATIENCE).unref()
    request.on('data', take).once('end', end).once('close', cut).once('error', cut)
    if (request.readableEnded) end()
  })
