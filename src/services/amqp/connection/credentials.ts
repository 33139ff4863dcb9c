import { defer, EMPTY, type Observable, repeat, retry, switchMap } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { messageOf } from '../../../core/errors.ts'
import { isRecord } from '../../../core/options.ts'
import type { AmqpConnectOptions, AmqpModel } from './model.ts'

/** The username and the password of a login. */
export interface AmqpCredentials {
  readonly username: string
  readonly password: string
  /**
   * How long the password is valid, in milliseconds, for a token that expires. After 4/5 of this time the function is
   * called again, and the broker gets the new password over the open connection (`update-secret`). Default: the
   * password does not expire.
   */
  readonly expiresIn?: number
}

/** Returns the credentials of a login. It is called before each attempt, so that a changed password is found. */
export type CredentialsFunction = () => AmqpCredentials | PromiseLike<AmqpCredentials>

/** The function `credentials` has failed. */
export class CredentialsFailed extends Error {}

/** The function `credentials` has returned no credentials. */
export class NoCredentials extends Error {}

/** @throws `CredentialsFailed` or `NoCredentials`, without the value, which may hold a password */
export const credentialsFrom = async (ask: CredentialsFunction): Promise<AmqpCredentials> => {
  let credentials: unknown
  try {
    credentials = await ask()
  } catch (cause) {
    throw new CredentialsFailed(messageOf(cause), { cause })
  }
  if (isCredentials(credentials)) return credentials
  throw new NoCredentials(
    'credentials must return { username, password }, two strings, and expiresIn > 0 if it is given',
  )
}

const isCredentials = (value: unknown): value is AmqpCredentials => {
  if (!isRecord(value)) return false
  const { username, password, expiresIn = Infinity } = value as Partial<AmqpCredentials>
  return typeof username === 'string' && typeof password === 'string' && typeof expiresIn === 'number' && expiresIn > 0
}

/** Whether amqplib reads these credentials right from a URL. It takes each byte of their UTF-8 for a character. */
export const isAscii = ({ username, password }: AmqpCredentials): boolean => /^\p{ASCII}*$/u.test(username + password)

/** The credentials as an option of amqplib, which then does not look for them in the URL. */
export const plain = ({ username, password }: AmqpCredentials): NonNullable<AmqpConnectOptions['credentials']> => ({
  mechanism: 'PLAIN',
  response: () => Buffer.from(`\0${username}\0${password}`),
})

/** The part of its time after which a password is replaced. The Java client of RabbitMQ takes the same. */
const RENEWED_AT = 0.8

/** The wait after a renewal that failed, in milliseconds. */
const RENEWAL_WAIT = 1000

/**
 * Gives the broker a new password each time before the present password expires. A failed renewal is tried again. If no
 * renewal succeeds in time, the broker closes the connection, and the next connection has fresh credentials. So it does
 * with a version of amqplib that can't renew.
 */
export const renewSecret = (
  model: AmqpModel,
  { expiresIn = Infinity }: AmqpCredentials,
  ask: CredentialsFunction,
): Observable<unknown> => {
  if (!model.updateSecret) return EMPTY
  let valid = expiresIn
  const renew = async (): Promise<void> => {
    const { password, expiresIn = Infinity } = await credentialsFrom(ask)
    await model.updateSecret?.(Buffer.from(password), 'the password expires')
    valid = expiresIn
  }
  return defer(() => timer(valid * RENEWED_AT)).pipe(
    switchMap(() => defer(renew).pipe(retry({ delay: () => timer(RENEWAL_WAIT) }))),
    repeat(),
  )
}
