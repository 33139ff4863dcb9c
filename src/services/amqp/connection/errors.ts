import { messageOf, ServiceError } from '../../../core/errors.ts'
import { amqpError } from '../amqp-error.ts'
import type { ConnectionSettings } from './options.ts'

/** A code as node, amqplib and the broker give it. */
export const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code

/** What went wrong while connecting, said so that a person knows what to do; never with the password. */
export const connectError = (service: string, settings: ConnectionSettings, cause: unknown): ServiceError => {
  if (cause instanceof ServiceError) return cause
  const { address, user, vhost } = settings
  const error = (code: Parameters<typeof amqpError>[0], what: string) => amqpError(code, service, what, cause)
  const text = messageOf(cause)
  if (codeOf(cause) === 'ERR_MODULE_NOT_FOUND' && text.includes('amqplib'))
    return error('ERR_MISSING_PACKAGE', 'the package amqplib is missing; npm install amqplib, or give a `connect`')
  if (text.includes('ACCESS_REFUSED') || text.includes('ACCESS-REFUSED'))
    return error('ERR_AMQP_CREDENTIALS', `the broker at ${address} refused it: wrong password, or no user "${user}"`)
  // amqplib swallows the broker's words for it.
  if (text.includes('Expected ConnectionOpenOk; got'))
    return error(
      'ERR_AMQP_VHOST',
      `the broker at ${address} refused it: no virtual host "${vhost}", or user "${user}" may not use it`,
    )
  const why = typeof codeOf(cause) === 'string' ? String(codeOf(cause)) : text
  return error('ERR_AMQP_UNREACHABLE', `can't reach the broker at ${address}: ${why}`)
}

const FINAL_AT_START: readonly string[] = [
  'ERR_AMQP_CREDENTIALS',
  'ERR_AMQP_VHOST',
  'ERR_AMQP_QUEUE',
  'ERR_AMQP_EXCHANGE',
  'ERR_MISSING_PACKAGE',
]

/**
 * Whether another attempt is pointless. Once it has run, a missing queue or virtual host may be a broker that is still
 * coming up, or about to be created again; a refused password stays refused.
 */
export const isFinal = (error: unknown, hasRun: boolean): boolean =>
  error instanceof ServiceError &&
  (hasRun ? error.code === 'ERR_AMQP_CREDENTIALS' : FINAL_AT_START.includes(error.code))
