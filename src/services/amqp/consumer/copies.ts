import type { ConfirmChannel } from 'amqplib'
import { BehaviorSubject, filter, firstValueFrom, map, raceWith, Subject, Subscription, take } from 'rxjs'
import { isError } from '../../../core/errors.ts'
import { type ChannelState, superviseChannel } from '../connection/channel.ts'
import type { Hold, Line } from '../connection/line.ts'
import { sendConfirmed } from '../connection/send.ts'
import { Unsendable, unsendable } from '../connection/unsendable.ts'
import { type Copy, UNUSED_FOR } from './copy.ts'

/** Publishes copies of messages on the publishing connection, which is opened for the first copy. */
export interface Copies {
  /**
   * Resolves when the broker has confirmed the copy. Rejects when it can't be published now, or when it is not known
   * whether it was. Rejects with `Unsendable` when it can never be published.
   */
  send(copy: Copy): Promise<void>
  /** From now on a copy does not wait for a broker that is blocked: it is rejected. */
  hurry(): void
  /** Deletes a queue that was declared here. */
  deleteQueue(queue: string): Promise<void>
  /** Closes the connection. Copies that are not confirmed are rejected. */
  leave(): Promise<void>
  /** The same without waiting. */
  drop(): void
}

interface Pending {
  readonly queue: string
  reject(error: Error): void
}

/** When a queue was declared, in milliseconds of `performance.now()`, and the answer of the broker. */
interface Declaration {
  readonly at: number
  readonly answer: Promise<unknown>
}

const CONNECTING: ChannelState<ConfirmChannel> = { missing: 'connection', error: undefined }

/** @param onBlocked Called with the reason when the broker blocks, while copies may be unconfirmed. */
export const makeCopies = (line: Line, service: string, onBlocked: (why: string) => void): Copies => {
  const state$ = new BehaviorSubject<ChannelState<ConfirmChannel>>(CONNECTING)
  const over$ = new Subject<never>()
  const life = new Subscription()
  const pending = new Set<Pending>()
  let declared = new Map<string, Declaration>()
  let hold: Hold | undefined
  let blocked: string | undefined
  let hurried = false

  const rejectAll = (why: string, which: (one: Pending) => boolean = () => true) => {
    for (const one of [...pending]) if (which(one)) one.reject(new Error(why))
  }
  const giveUpIfBlocked = () => {
    if (hurried && blocked !== undefined) rejectAll(blocked)
  }

  const prepare = async (channel: ConfirmChannel): Promise<ConfirmChannel> => {
    declared = new Map()
    // The queue was deleted. The broker returns the message first, and then confirms it.
    channel.on('return', ({ fields }) => {
      declared.delete(fields.routingKey)
      rejectAll(`queue "${fields.routingKey}" was deleted`, ({ queue }) => queue === fields.routingKey)
    })
    return channel
  }

  const open = () => {
    if (hold) return
    const held = line.hold(service)
    hold = held
    life.add(
      held.state$.subscribe(state => {
        blocked = state.connection === 'blocked' ? `the broker is blocked: ${state.reason}` : undefined
        if (blocked !== undefined) onBlocked(blocked)
        giveUpIfBlocked()
      }),
    )
    const channels$ = superviseChannel(held, { create: model => model.createConfirmChannel(), prepare })
    life.add(channels$.subscribe(state => state$.next(state)))
    life.add(() => held.drop())
  }

  const channelNow = (): Promise<ConfirmChannel> => {
    open()
    if (blocked !== undefined) throw new Error(blocked)
    const settled$ = state$.pipe(
      filter(state => state.missing === undefined || state.error !== undefined),
      take(1),
      map(state => {
        if (state.missing === undefined) return state.opened
        throw state.error ?? new Error('there is no connection to publish it')
      }),
      raceWith(over$),
    )
    return firstValueFrom(settled$)
  }

  /** Declares the queue of a copy, again after half of its expiry: a declaration counts as use. */
  const isThere = (channel: ConfirmChannel, { queue, declareWith }: Copy): Promise<unknown> | undefined => {
    if (!declareWith) return undefined
    const before = declared.get(queue)
    const now = performance.now()
    if (before && now - before.at < UNUSED_FOR / 2) return before.answer
    const answer = declare(channel, queue, declareWith)
    declared.set(queue, { at: now, answer })
    return answer
  }

  const publish = (channel: ConfirmChannel, { queue, content, options }: Copy): Promise<void> =>
    new Promise((resolve, fail) => {
      const settle = (error: unknown) => {
        pending.delete(one)
        if (error) fail(error)
        else resolve()
      }
      const one: Pending = { queue, reject: settle }
      pending.add(one)
      try {
        const fault = unsendable(channel, options)
        if (fault) throw new Unsendable(fault.message)
        const sent = { ...options, mandatory: true }
        sendConfirmed(channel, settle, confirmed => channel.sendToQueue(queue, content, sent, confirmed))
      } catch (error) {
        // Amqplib throws these for values that it can't encode, before it sends anything.
        const isOfMessage = isError(error) && (error.name === 'TypeError' || error.name === 'RangeError')
        settle(isOfMessage ? new Unsendable(error.message) : error)
      }
    })

  const drop = () => {
    life.unsubscribe()
    over$.error(new Error('the service is stopping'))
    rejectAll('the service is stopping')
  }

  return {
    send: async copy => {
      const channel = await channelNow()
      await isThere(channel, copy)
      if (blocked !== undefined) throw new Error(blocked)
      await publish(channel, copy)
    },
    hurry: () => {
      hurried = true
      giveUpIfBlocked()
    },
    deleteQueue: async queue => {
      const state = state$.value
      if (!declared.delete(queue) || state.missing !== undefined) return
      await Promise.resolve(state.opened.deleteQueue(queue)).catch(() => undefined)
    },
    leave: async () => {
      const left = hold?.leave()
      rejectAll('the service is stopping')
      await left
      drop()
    },
    drop,
  }
}

// Raced with nothing: a declaration that fails closes the channel, which rejects it.
const declare = (channel: ConfirmChannel, queue: string, options: Copy['declareWith']): Promise<unknown> => {
  const declared = Promise.resolve(channel.assertQueue(queue, options))
  declared.catch(() => undefined)
  return declared
}
