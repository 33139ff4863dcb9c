import type { ConsumeMessage } from 'amqplib'
import { lastValueFrom, Subject, Subscription, takeUntil } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { isName } from '../../../core/options.ts'
import { countdown$ } from '../../common/in-flight.ts'
import { amqpError } from '../amqp-error.ts'
import type { Hold, Line } from '../connection/line.ts'
import { type Encode, encoder } from '../publisher/encode.ts'
import { publishErrors } from '../publisher/errors.ts'
import { type PublishOptions, publishOptions } from '../publisher/options.ts'
import { makeOutbox } from '../publisher/outbox.ts'
import { openOutlet } from '../publisher/outlet.ts'

/** Replies to a message. */
export type Reply = (message: ConsumeMessage, body: unknown, options?: PublishOptions) => Promise<void>

/** Publishes the replies of a consumer over the publishing line, which is opened for the first reply. */
export interface Replies {
  readonly send: Reply
  /** Waits for a moment until the broker has what is on its way, and closes what was opened. */
  leave(): Promise<void>
  /** Closes it without waiting. What the broker has not confirmed rejects. */
  drop(): void
}

/** How many replies wait for the broker at most. A consumer has no more handlers than it has messages. */
const MAX_PENDING = 65_535

/** The longest wait for the broker at the end, in ms. The handlers have ended by then. */
const GRACE = 250

/** @param onTrouble is told why no reply can be sent, and with `undefined` that replies can be sent again. */
export const makeReplies = (
  line: Line,
  service: string,
  encode: Encode,
  onTrouble: (why: string | undefined) => void,
): Replies => {
  const contentOf = encoder(service, encode)
  // A client that is gone is no failure of the handler: a direct reply is dropped by the broker then, as are others.
  const optionsOf = publishOptions({ service, exchange: '', exchanges: [], mandatory: false, encode })
  const changed$ = new Subject<void>()
  const outbox = makeOutbox({ service, exchange: '', maxPending: MAX_PENDING }, () => changed$.next())
  const life = new Subscription()
  let outlet: Subscription | undefined
  let hold: Hold | undefined
  let trouble: string | undefined

  const sayTrouble = (why: string | undefined) => {
    if (why === trouble) return
    trouble = why
    onTrouble(why === undefined ? undefined : `replies wait: ${why}`)
  }

  const open = () => {
    if (hold) return
    const held = line.hold(service)
    hold = held
    life.add(() => held.drop())
    outlet = openOutlet(held, outbox, {
      onLine: state => {
        if (state.connection === 'blocked') sayTrouble(`the broker is blocked: ${state.reason}`)
        else if (state.connection === 'connected') sayTrouble(undefined)
      },
      onOpen: () => sayTrouble(undefined),
      onMissing: (error, forgiven) => {
        if (error && !forgiven) sayTrouble(error.message)
      },
    })
    life.add(outlet)
  }

  const drop = () => {
    life.unsubscribe()
    outbox.giveUp()
  }

  return {
    send: async (message, body, given) => {
      const { replyTo, correlationId } = message.properties as PublishOptions
      if (!isName(replyTo)) {
        const what = 'got a message without replyTo, to which nobody can reply; reply only to requests'
        throw amqpError('ERR_AMQP_NO_REPLY_TO', service, what)
      }
      const content = contentOf(body)
      const options = optionsOf(replyTo, { ...(correlationId !== undefined && { correlationId }), ...given })
      if (life.closed) throw publishErrors(service).closed()
      open()
      const overflow = outbox.overflow()
      if (overflow) throw overflow
      await outbox.publish(replyTo, content, options)
    },
    leave: async () => {
      const sent$ = countdown$(changed$, () => outbox.size)
      await lastValueFrom(sent$.pipe(takeUntil(timer(GRACE))), { defaultValue: 0 })
      outlet?.unsubscribe()
      await hold?.leave()
      drop()
    },
    drop,
  }
}
