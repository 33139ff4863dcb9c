import type { ConfirmChannel, Message } from 'amqplib'
import { codeOf } from '../connection/errors.ts'
import { sendConfirmed } from '../connection/send.ts'
import { unsendable } from '../connection/unsendable.ts'
import { type PublishErrors, publishErrors } from './errors.ts'
import type { PublishOptions, Settings } from './options.ts'
import { Outgoing } from './outgoing.ts'
import { SentMessages } from './sent.ts'

/** Counts of messages by their outcome. */
export interface Tally {
  confirmed: number
  unroutable: number
  nacked: number
  /** Messages that the broker, or amqplib, found something wrong with. */
  refused: number
  /** Messages that came when there was no more room. */
  overflowed: number
}

/** Messages from when they are published until the broker has confirmed them, in their order, over many channels. */
export interface Outbox {
  /** How many are held. */
  readonly size: number
  readonly tally: Readonly<Tally>
  /** Why there is no room for another, if there is none: asked before it is encoded. */
  overflow(): Error | undefined
  /** Settles when the broker has it. */
  publish(key: string, content: Buffer, options: PublishOptions): Promise<void>
  /** Publishes a message, which is told what becomes of it. */
  post(message: Outgoing): void
  /** Holds a message no longer: it is neither sent, nor sent again, nor told what becomes of it. */
  withdraw(message: Outgoing): void
  /** Here is a channel: what was not confirmed on the last one is published again, before all that came later. */
  attach(channel: ConfirmChannel): void
  /** The channel is gone; returns whether that was because of a message. */
  detach(cause?: unknown): boolean
  /** Amqplib has room again for what is to be written. */
  drained(): void
  /** Nothing is sent while it is paused. */
  pause(paused: boolean): void
  /** The broker gives a message back. It is confirmed all the same, after that. */
  returned(message: Message): void
  /** Rejects all that is held; returns how many that was. */
  giveUp(): number
}

export const makeOutbox = (
  { service, exchange, maxPending }: Pick<Settings, 'service' | 'exchange' | 'maxPending'>,
  onChange: () => void,
  errors: PublishErrors = publishErrors(service),
): Outbox => {
  const tally: Tally = { confirmed: 0, unroutable: 0, nacked: 0, refused: 0, overflowed: 0 }
  /** On the present channel, and not confirmed. All of them are before those that wait. */
  const sent = new SentMessages()
  let waiting: Outgoing[] = []
  let channel: ConfirmChannel | undefined
  let full = false
  let paused = false
  /**
   * The broker closed a channel because of one of so many, the first that are held, and does not say of which. They are
   * sent one at a time, or the one would have every channel closed for ever.
   */
  let suspects = 0

  const canSend = () => channel !== undefined && !full && !paused && !(suspects > 0 && sent.size > 0)

  const settled = (message: Outgoing, what: keyof Tally, error?: Error) => {
    sent.remove(message)
    tally[what]++
    if (error) message.reject(error)
    else message.resolve()
    if (suspects > 0) suspects--
    onChange()
  }

  const onConfirm = (on: ConfirmChannel, message: Outgoing, error: unknown) => {
    // Of a channel that is gone nothing counts: the message is sent again.
    if (on !== channel || !message.inFlight) return
    if (error) settled(message, 'nacked', errors.nacked(message, error))
    else if (message.returned) settled(message, 'unroutable', errors.unroutable(message, exchange))
    else settled(message, 'confirmed')
    if (waiting.length > 0) flush()
  }

  /** Whether it was dealt with. */
  const send = (message: Outgoing): boolean => {
    const on = channel!
    sent.add(message)
    try {
      const fault = unsendable(on, message.options)
      if (fault) throw fault
      const confirmed = (error: unknown) => {
        if (!error) onConfirm(on, message, error)
        // Whether it was nacked, or the channel is gone, is known when those have been told who listen for that.
        else queueMicrotask(() => onConfirm(on, message, error))
      }
      const { key, content, options } = message
      full = !sendConfirmed(on, confirmed, confirmed => on.publish(exchange, key, content, options, confirmed))
      message.written = true
      return true
    } catch (error) {
      sent.remove(message)
      if ((error as Error).name === 'IllegalOperationError') {
        // It is closing, which is told in a moment.
        channel = undefined
        return false
      }
      settled(message, 'refused', errors.refused(message, error))
      return true
    }
  }

  const post = (message: Outgoing) => {
    if (waiting.length > 0 || !canSend() || !send(message)) waiting.push(message)
    onChange()
  }

  const flush = () => {
    let count = 0
    while (count < waiting.length && canSend() && send(waiting[count]!)) count++
    waiting = count === waiting.length ? [] : waiting.slice(count)
  }

  const detach = (cause?: unknown): boolean => {
    channel = undefined
    const isFault = sent.size > 0 && isAboutMessage(cause, exchange)
    if (isFault && sent.size > 1) suspects = sent.size
    else if (isFault) {
      const first = sent.find(() => true)!
      settled(first, 'refused', errors.refused(first, cause))
    }
    if (sent.size > 0) waiting = [...sent.takeAll(), ...waiting]
    for (const message of waiting) message.returned = false
    return isFault
  }

  return {
    tally,
    get size() {
      return sent.size + waiting.length
    },
    overflow: () => {
      const held = sent.size + waiting.length
      if (held < maxPending) return undefined
      tally.overflowed++
      onChange()
      return errors.bufferFull(held)
    },
    publish: (key, content, options) =>
      new Promise((resolve, reject) => post(new Outgoing(key, content, options, resolve, reject))),
    post,
    withdraw: message => {
      if (!sent.remove(message) && waiting.length > 0) waiting = waiting.filter(one => one !== message)
      if (message.written && suspects > 0) suspects--
      onChange()
    },
    attach: opened => {
      channel = opened
      full = false
      flush()
    },
    detach,
    drained: () => {
      full = false
      flush()
    },
    pause: now => {
      paused = now
      flush()
    },
    returned: ({ fields, properties }) => {
      const { routingKey: key } = fields
      const { messageId } = properties
      const isIt = (one: Outgoing) => !one.returned && one.key === key && one.options.messageId === messageId
      const message = sent.find(isIt)
      if (message) message.returned = true
    },
    giveUp: () => {
      const left = [...sent.takeAll(), ...waiting]
      waiting = []
      for (const message of left) message.reject(errors.unconfirmed(message))
      return left.length
    },
  }
}

/**
 * Whether the broker closed the channel because of something that was published. An exchange that is missing is not the
 * message's fault; but the default one is never missing: there it is how a broker inside the process says that there
 * is no such queue.
 */
const isAboutMessage = (cause: unknown, exchange: string): boolean => {
  const code = codeOf(cause)
  return typeof code === 'number' && (code !== 404 || exchange === '')
}
