import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { Observable, timer } from 'rxjs'
import { messageOf } from '../../core/errors.ts'
import { connectError, queueError, unreachable } from './errors.ts'
import type { Settings } from './options.ts'

/** Connected, channel open, consuming. Once it is lost, its methods do nothing. */
export interface Session {
  ack(message: ConsumeMessage): void
  /** Hands a message back to the queue, or rejects it for good. */
  nack(message: ConsumeMessage, requeue: boolean): void
  /** Settles when no more deliveries come. */
  cancel(): Promise<void>
  /** The channel first, since only the answer to its close says that the last acks arrived; then the connection. */
  close(): Promise<void>
}

/**
 * Connection, channel and consumer as one: subscribing opens all three, the session is emitted once it consumes, an
 * error says why it was lost, completion that it was closed. To unsubscribe is to destroy the socket.
 */
export const openSession = (
  settings: Settings,
  onMessage: (message: ConsumeMessage, session: Session) => void,
): Observable<Session> =>
  new Observable(out => {
    const { queue, declareWith, address, connectTimeout } = settings
    const socket = new AbortController()
    let connection: ChannelModel | undefined
    let cause: unknown
    let consuming = false
    let closing = false
    let sayGone = () => {}
    // Whatever is asked of the broker is raced with this: with the socket destroyed, amqplib leaves it pending for ever.
    const gone = new Promise<void>(resolve => {
      sayGone = resolve
    })
    const lose = (what: string, why: unknown, classify = connectError) =>
      out.error(
        consuming
          ? new Error(`${what}${why === undefined ? '' : `: ${messageOf(why)}`}`, { cause: why })
          : classify(settings, why ?? new Error(what)),
      )

    const open = async (): Promise<void> => {
      connection = await settings.connect(settings.url, {
        signal: socket.signal,
        noDelay: true,
        ...(connectTimeout !== Infinity && { timeout: connectTimeout }),
      })
      connection.on('error', error => {
        cause = error
      })
      connection.on('close', error => {
        if (closing) out.complete()
        else lose(`connection to ${address} lost`, error ?? cause)
      })
      if (out.closed) return letGo()

      const channel = await connection.createChannel()
      channel.on('error', error => {
        cause = error
      })
      // When the connection is lost its channels close first: let it say why.
      channel.on('close', () => queueMicrotask(() => closing || lose('channel closed', cause, queueError)))
      await consume(channel).catch(error => {
        throw queueError(settings, error)
      })
    }

    const consume = async (channel: Channel): Promise<void> => {
      let consumerTag = ''
      const session: Session = {
        // A channel that was closed throws; what it held has gone back to the queue.
        ack: message => {
          if (out.closed) return
          try {
            channel.ack(message)
          } catch {}
        },
        nack: (message, requeue) => {
          if (out.closed) return
          try {
            channel.nack(message, false, requeue)
          } catch {}
        },
        cancel: () => ask(() => channel.cancel(consumerTag)),
        close: async () => {
          closing = true
          await ask(() => channel.close())
          await ask(() => connection?.close())
          out.complete()
        },
      }
      const name = declareWith ? (await channel.assertQueue(queue, declareWith)).queue : queue
      if (!declareWith) await channel.checkQueue(queue)
      await channel.prefetch(settings.prefetch)
      // Deliveries come before the reply is heard, and no message may be handled by a consumer that isn't running yet:
      // to end it then is to cancel its start.
      let early: ConsumeMessage[] | undefined = []
      const deliver = (message: ConsumeMessage) => (early ? early.push(message) : onMessage(message, session))
      const reply = await channel.consume(name, message => {
        if (message) deliver(message)
        else lose('consumer cancelled by the broker', new Error(`queue "${queue}" was deleted, or can't be served`))
      })
      consumerTag = reply.consumerTag
      consuming = true
      attempt.unsubscribe()
      out.next(session)
      queueMicrotask(() => {
        const held = early ?? []
        early = undefined
        for (const message of held) if (!out.closed) deliver(message)
      })
    }

    const ask = async (request: () => unknown): Promise<void> => {
      try {
        await Promise.race([request(), gone])
      } catch {}
    }

    const letGo = () => {
      sayGone()
      socket.abort()
      // For a connection made by someone who does not honour the signal.
      connection?.close().catch(noop)
    }

    const attempt = timer(Math.min(connectTimeout, LONGEST_TIMER)).subscribe(() =>
      out.error(unreachable(settings, `no answer within ${connectTimeout} ms`)),
    )
    out.add(() => {
      attempt.unsubscribe()
      letGo()
    })
    open().catch(error => out.error(connectError(settings, error)))
  })

const LONGEST_TIMER = 2 ** 31 - 1
const noop = () => {}
