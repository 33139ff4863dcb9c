import { Observable } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { messageOf } from '../../../core/errors.ts'
import { milliseconds } from '../../../core/units.ts'
import type { BrokerSettings } from './broker.ts'
import { closeQuietly } from './close-quietly.ts'
import { credentialsFrom, isAscii, plain, renewSecret } from './credentials.ts'
import { AttemptFailed } from './errors.ts'
import type { AmqpModel } from './model.ts'
import type { ConnectionSettings } from './options.ts'
import { errorWithoutPassword } from './passwords.ts'
import { withWordsOfBroker } from './words-of-broker.ts'

/** A connection that stands. */
export interface Link {
  readonly model: AmqpModel
  /** Why the broker takes nothing more from those who publish on it, while that is so. */
  readonly blocked: string | undefined
  /** Settles when it is closed, or gone. */
  close(): Promise<void>
}

/** A connection that stood was lost. */
export class LinkLost extends Error {}

/**
 * How long the answer to a close is waited for, in milliseconds. All that matters has been answered before it is sent.
 */
const CLOSE_LIMIT = 1000

/**
 * One connection to one broker, from handshake to end. Emits once the connection stands, and again when it is blocked
 * and unblocked. Completes when it was closed; errors with `AttemptFailed` or `LinkLost`. To unsubscribe is to destroy
 * the socket.
 */
export const openLink = (settings: ConnectionSettings, broker: BrokerSettings, name: string): Observable<Link> =>
  new Observable(out => {
    const { connectTimeout, connect, credentials: ask, tls } = settings
    const { address } = broker
    const socket = new AbortController()
    let model: AmqpModel | undefined
    let cause: unknown
    let closing = false
    let { credentials } = broker
    let sayGone = () => {}
    // With the socket destroyed, amqplib leaves a close pending for ever.
    const gone = new Promise<void>(resolve => {
      sayGone = resolve
    })

    const close = async (): Promise<void> => {
      closing = true
      const late = timer(CLOSE_LIMIT).subscribe(sayGone)
      await Promise.race([closeQuietly(model), gone])
      late.unsubscribe()
      out.complete()
    }

    const open = async (): Promise<void> => {
      if (ask) credentials = await credentialsFrom(ask)
      if (out.closed) return
      const options = {
        ...tls,
        signal: socket.signal,
        noDelay: true,
        // Otherwise the URL has the credentials, so that a `connect` of the user's may change them there.
        ...((ask || !isAscii(credentials)) && { credentials: plain(credentials) }),
        clientProperties: { connection_name: name },
        ...(connectTimeout !== Infinity && { timeout: connectTimeout }),
      }
      const made = await withWordsOfBroker(() => connect(broker.urlFor(credentials), options))
      model = made
      const emit = (blocked?: string) => out.next({ model: made, blocked, close })
      made.on('error', error => {
        cause = error
      })
      made.on('close', error => {
        if (closing) return out.complete()
        const why = error ?? cause
        out.error(new LinkLost(`connection to ${address} lost${why === undefined ? '' : `: ${messageOf(why)}`}`))
      })
      made.on('blocked', reason => emit(reason))
      made.on('unblocked', () => emit())
      if (out.closed) return letGo()
      attempt.unsubscribe()
      if (ask) out.add(renewSecret(made, credentials, ask).subscribe())
      emit()
    }

    const letGo = () => {
      sayGone()
      socket.abort()
      // For a connection made by someone who does not honour the signal.
      void closeQuietly(model)
    }

    const fail = (error: unknown) => {
      const cause = errorWithoutPassword(error, [credentials.password, broker.credentials.password])
      out.error(new AttemptFailed({ ...broker, user: credentials.username }, cause))
    }

    const attempt = timer(connectTimeout).subscribe(() =>
      fail(new Error(`no answer within ${milliseconds(connectTimeout)}`)),
    )
    out.add(() => {
      attempt.unsubscribe()
      letGo()
    })
    open().catch(fail)
  })
