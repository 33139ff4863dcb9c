import type { ChannelModel } from 'amqplib'
import { Observable } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { messageOf } from '../../../core/errors.ts'
import { milliseconds } from '../../../core/units.ts'
import { closeQuietly } from './close-quietly.ts'
import type { ConnectionSettings } from './options.ts'

/** A connection that stands. */
export interface Link {
  readonly model: ChannelModel
  /** Why the broker takes nothing more from those who publish on it, while that is so. */
  readonly blocked: string | undefined
  /** Settles when it is closed, or gone. */
  close(): Promise<void>
}

/** A connection that stood was lost. */
export class LinkLost extends Error {}

/** How long the answer to a close is waited for, in milliseconds. All that matters has been answered before it is sent. */
const CLOSE_LIMIT = 1000

/**
 * One connection, from handshake to end: emitted once it stands, and again when it is blocked and unblocked. Completes
 * when it was closed, errors when it can't be made, or with `LinkLost`. To unsubscribe is to destroy the socket.
 */
export const openLink = ({ url, address, connectTimeout, connect }: ConnectionSettings): Observable<Link> =>
  new Observable(out => {
    const socket = new AbortController()
    let model: ChannelModel | undefined
    let cause: unknown
    let closing = false
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
      model = await connect(url, {
        signal: socket.signal,
        noDelay: true,
        ...(connectTimeout !== Infinity && { timeout: connectTimeout }),
      })
      const emit = (blocked?: string) => out.next({ model: model!, blocked, close })
      model.on('error', error => {
        cause = error
      })
      model.on('close', error => {
        if (closing) return out.complete()
        const why = error ?? cause
        out.error(new LinkLost(`connection to ${address} lost${why === undefined ? '' : `: ${messageOf(why)}`}`))
      })
      model.on('blocked', reason => emit(reason))
      model.on('unblocked', () => emit())
      if (out.closed) return letGo()
      attempt.unsubscribe()
      emit()
    }

    const letGo = () => {
      sayGone()
      socket.abort()
      // For a connection made by someone who does not honour the signal.
      void closeQuietly(model)
    }

    const attempt = timer(connectTimeout).subscribe(() =>
      out.error(new Error(`no answer within ${milliseconds(connectTimeout)}`)),
    )
    out.add(() => {
      attempt.unsubscribe()
      letGo()
    })
    open().catch(error => out.error(error))
  })
