import { randomUUID } from 'node:crypto'
import type { ConsumeMessage } from 'amqplib'
import { Subject, tap } from 'rxjs'
import { after, systemClock } from '../../../core/clock.ts'
import type { Info } from '../../../core/state.ts'
import { countdown$ } from '../../common/in-flight.ts'
import { decoder } from '../consumer/decode.ts'
import { type PublishOptions, publishOptions } from '../publisher/options.ts'
import { makeOutbox } from '../publisher/outbox.ts'
import { Outgoing } from '../publisher/outgoing.ts'
import type { Publishing } from '../publisher/publication.ts'
import { listenToAborts } from './aborts.ts'
import { requestErrors } from './errors.ts'
import type { RequestOptions, RpcSettings } from './options.ts'
import { makeReplyQueue } from './reply-queue.ts'

/** Counts of requests by their outcome. */
interface Tally {
  replied: number
  timedOut: number
  aborted: number
  /** The channel was lost, or the service ended. */
  lost: number
  overflowed: number
  /** Replies that nobody waited for any more. */
  late: number
}

/** A request that waits for its reply. */
interface Request {
  readonly message: Outgoing
  /** Rejects it, unless it waits no longer. */
  fail(as: keyof Tally | undefined, error: unknown): void
  onReply(message: ConsumeMessage): void
}

/** The requests of one life, from when they are made until their replies have come. */
export interface Requests extends Publishing {
  /** Why there is no room for another request, if there is none. */
  overflow(): Error | undefined
  /** Settles when the reply has come. */
  send(key: string, content: Buffer, options: RequestOptions): Promise<unknown>
}

export const makeRequests = (settings: RpcSettings, onChange: () => void): Requests => {
  const { service, maxPending } = settings
  const errors = requestErrors(service)
  const decode = decoder(service, settings.decode)
  const optionsOf = publishOptions(settings)
  const tally: Tally = { replied: 0, timedOut: 0, aborted: 0, lost: 0, overflowed: 0, late: 0 }
  /** By their correlation ids. */
  const waiting = new Map<string, Request>()
  const changed$ = new Subject<void>()
  const onAbort = listenToAborts()
  const outbox = makeOutbox({ ...settings, maxPending: Infinity }, () => {}, errors)
  const replies = makeReplyQueue(service, message => {
    const request = waiting.get(message.properties.correlationId)
    if (request) return request.onReply(message)
    tally.late++
    onChange()
  })

  const changed = () => {
    changed$.next()
    onChange()
  }

  /** The options of a message that is a request. */
  const messageOptions = (id: string, key: string, timeout: number, given: PublishOptions): PublishOptions =>
    optionsOf(key, {
      ...(given.deliveryMode === undefined && { persistent: false }),
      ...(timeout <= LONGEST_EXPIRATION && { expiration: String(Math.ceil(timeout)) }),
      messageId: id,
      ...given,
      replyTo: replies.address,
      correlationId: id,
    })

  const send: Requests['send'] = (key, content, { timeout = settings.timeout, signal, ...given }) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const id = randomUUID()
      const end = (as: keyof Tally | undefined): boolean => {
        if (!waiting.delete(id)) return false
        late?.unsubscribe()
        unlisten?.()
        outbox.withdraw(message)
        if (as) tally[as]++
        changed()
        return true
      }
      const fail: Request['fail'] = (as, error) => {
        if (end(as)) reject(error)
      }
      const onReply = (reply: ConsumeMessage) => {
        end('replied')
        try {
          resolve(decode(reply))
        } catch (error) {
          reject(error)
        }
      }
      // That the broker has the request says nothing yet. That it can't take it is counted by the outbox.
      const onConfirm = () => {}
      const onRefuse = (error: Error) => fail(undefined, error)
      const message = new Outgoing(key, content, messageOptions(id, key, timeout, given), onConfirm, onRefuse)
      const unlisten = signal && onAbort(signal, () => fail('aborted', signal.reason))
      const late = after(systemClock, timeout, () => fail('timedOut', errors.late(message, timeout)))
      waiting.set(id, { message, fail, onReply })
      outbox.post(message)
      changed()
    })

  const failAll = (which: (message: Outgoing) => boolean, why: (message: Outgoing) => Error) => {
    for (const { message, fail } of [...waiting.values()]) if (which(message)) fail('lost', why(message))
  }

  let toldReplied = 0
  const numbers = (): Info => {
    const { replied, ...rest } = tally
    const { unroutable, nacked, refused } = outbox.tally
    const now: Record<string, number | string> = { pending: waiting.size, replied }
    for (const [name, count] of Object.entries({ ...rest, unroutable, nacked, refused }))
      if (count > 0) now[name] = count
    if (replied > toldReplied) now['lastProgress'] = new Date().toISOString()
    toldReplied = replied
    return now
  }

  return {
    overflow: () => {
      if (waiting.size < maxPending) return undefined
      tally.overflowed++
      onChange()
      return errors.bufferFull(waiting.size)
    },
    send,
    outbox: {
      ...outbox,
      get size() {
        return waiting.size
      },
      detach: cause => {
        const forgiven = outbox.detach(cause)
        failAll(
          ({ written }) => written,
          message => errors.lost(message, cause),
        )
        return forgiven
      },
      giveUp: () => {
        const left = waiting.size
        failAll(() => true, errors.ended)
        return left
      },
    },
    numbers,
    givenUp: 'unanswered',
    prepare: replies.consume,
    drain: ({ pending }) => countdown$(changed$, () => waiting.size).pipe(tap(pending)),
  }
}

/** The longest expiration of a message that the broker takes, in ms. */
const LONGEST_EXPIRATION = 2 ** 32 - 1
