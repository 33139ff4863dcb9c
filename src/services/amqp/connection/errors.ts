import { messageOf, ServiceError } from '../../../core/errors.ts'
import { asMissingPackage } from '../../../core/optional-package.ts'
import { milliseconds } from '../../../core/units.ts'
import { type AmqpErrorCode, amqpError } from '../amqp-error.ts'
import type { BrokerSettings } from './broker.ts'
import { OTHERWISE } from './connect.ts'
import { CredentialsFailed, NoCredentials } from './credentials.ts'
import { isCertificateCode } from './tls.ts'
import { ClosedByBroker } from './words-of-broker.ts'

/** A code as node, amqplib and the broker give it. */
export const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code

/** An attempt to connect to one broker has failed. */
export class AttemptFailed extends Error {
  readonly broker: BrokerSettings
  constructor(broker: BrokerSettings, cause: unknown) {
    super(messageOf(cause), { cause })
    this.broker = broker
  }
}

/** The logins were refused for so long that another attempt is pointless. */
class GivenUp extends Error {}

/** Whether the broker has refused the username or the password. */
export const isRefusedLogin = (cause: unknown): boolean => /ACCESS[_-]REFUSED/.test(messageOf(cause))

/** The words of the broker for each refused login. They do not tell a wrong password from an unknown user. */
const ANY_REFUSAL = 'Login was refused using authentication mechanism'

const NOT_ALLOWED = 530

/** The error of an attempt to connect to a broker. It tells a person what to do. */
export const connectError = (service: string, broker: BrokerSettings, cause: unknown): ServiceError => {
  if (cause instanceof ServiceError) return cause
  const { address, user, vhost } = broker
  const code = codeOf(cause)
  const text = wordsOf(cause)
  const error = (is: AmqpErrorCode | 'ERR_INVALID_OPTION', what: string) => amqpError(is, service, what, cause)
  const missing = asMissingPackage(service, 'amqplib', cause, OTHERWISE)
  if (missing instanceof ServiceError) return missing
  if (cause instanceof NoCredentials) return error('ERR_INVALID_OPTION', text)
  if (cause instanceof CredentialsFailed)
    return error('ERR_AMQP_UNREACHABLE', `can't log in at the broker at ${address}: credentials() failed: ${text}`)
  if (isCertificateCode(code)) {
    const what = `can't trust the certificate of the broker at ${address}: ${text}`
    return error('ERR_AMQP_CERTIFICATE', `${what}; give its CA as tls.ca, or its name as tls.servername`)
  }
  if (isRefusedLogin(cause)) {
    const why = text.includes(ANY_REFUSAL) ? `wrong password, or no user "${user}"` : text
    return error('ERR_AMQP_CREDENTIALS', `the broker at ${address} refused it: ${why}`)
  }
  const refused = `the broker at ${address} refused`
  if (code === NOT_ALLOWED && text.includes('vhost'))
    return error('ERR_AMQP_VHOST', `${refused} virtual host "${vhost}" for user "${user}": ${text}`)
  // Amqplib swallows the broker's words, and they could not be heard otherwise.
  if (text.includes('Expected ConnectionOpenOk; got')) {
    const why = 'it does not exist, the user may not use it, or a limit of connections is reached'
    return error('ERR_AMQP_VHOST', `${refused} virtual host "${vhost}" for user "${user}": ${why}`)
  }
  if (cause instanceof ClosedByBroker) return error('ERR_AMQP_UNREACHABLE', `${refused} the connection: ${text}`)
  const why = typeof code === 'string' ? code : text
  return error('ERR_AMQP_UNREACHABLE', `can't reach the broker at ${address}: ${why}`)
}

/** Amqplib puts the words of the broker into its own. */
const wordsOf = (cause: unknown): string => {
  const text = messageOf(cause)
  const [, words = text] = /^Handshake terminated by server: .* with message "(.*)"$/s.exec(text) ?? []
  return words
}

/**
 * The error of one attempt at all brokers in turn.
 *
 * @param refusedFor for how long each login was refused, in milliseconds, if another attempt is pointless
 */
export const roundError = (service: string, failures: readonly AttemptFailed[], refusedFor?: number): ServiceError => {
  const errors = failures.map(({ broker, cause }) => connectError(service, broker, cause))
  const first = errors[0]!
  if (errors.length === 1 && refusedFor === undefined) return first
  const each = errors.map(({ message }) => message.replace(`service "${service}": `, ''))
  const what = each.length === 1 ? each[0]! : `no broker can be used: ${each.join('; ')}`
  // Another attempt makes sense if it does at any of the brokers.
  const { code } = errors.find(error => !isFinal(error, false)) ?? first
  const cause = refusedFor === undefined ? first.cause : new GivenUp(first.message, { cause: first.cause })
  const given = refusedFor === undefined ? '' : `; given up after ${milliseconds(refusedFor)}`
  return amqpError(code as AmqpErrorCode, service, `${what}${given}`, cause)
}

const FINAL_AT_START: readonly string[] = [
  'ERR_AMQP_CREDENTIALS',
  'ERR_AMQP_CERTIFICATE',
  'ERR_AMQP_QUEUE',
  'ERR_AMQP_EXCHANGE',
  'ERR_INVALID_OPTION',
  'ERR_MISSING_PACKAGE',
]

/**
 * The queue belongs to somebody else at the moment, its node is down, or it was deleted after this service declared it,
 * as a queue with `autoDelete` is when its last consumer leaves: that may pass.
 */
const PASSING = /RESOURCE_LOCKED|in exclusive use|down or inaccessible|NOT_FOUND - no queue/

/**
 * Whether another attempt is pointless. At the start that is a mistake that a person must set right. A limit, a locked
 * queue, and a virtual host that is yet to be created may pass, so they are tried again. Once the service has run, only
 * a login that was refused for a long time is final.
 */
export const isFinal = (error: unknown, hasRun: boolean): boolean => {
  if (!(error instanceof ServiceError)) return false
  if (hasRun) return error.cause instanceof GivenUp
  return FINAL_AT_START.includes(error.code) && !PASSING.test(error.message)
}
