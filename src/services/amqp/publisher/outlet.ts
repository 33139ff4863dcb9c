import type { ConfirmChannel } from 'amqplib'
import { Subscription } from 'rxjs'
import { type ChannelState, superviseChannel } from '../connection/channel.ts'
import type { Hold, LineState } from '../connection/line.ts'
import type { Outbox } from './outbox.ts'

/** The source of the messages that an outlet publishes. */
export type OutletSource = Pick<Outbox, 'attach' | 'detach' | 'drained' | 'pause' | 'returned'>

/** The callbacks of the owner of an outlet. */
export interface OutletUse {
  /**
   * Prepares a new channel for use. `lose` says that it is of no more use, `answered` that the broker
   * has given one of several answers.
   */
  readonly prepare?: (channel: ConfirmChannel, lose: (error: Error) => void, answered: () => void) => PromiseLike<void>
  /** Makes the error to report from one while a channel is opened. */
  readonly explain?: (error: unknown) => Error
  readonly onLine: (state: LineState) => void
  /** Messages are about to be published on a new channel. */
  readonly onOpen: () => void
  /** There is no channel. It is `forgiven` when the broker has closed it because of a message. */
  readonly onMissing: (error: Error | undefined, forgiven: boolean) => void
}

/** Keeps a confirm channel open for an outbox. To unsubscribe is to close the channel, without waiting for that. */
export const openOutlet = (hold: Hold, source: OutletSource, use: OutletUse): Subscription => {
  let forgiven = false

  const prepare = async (
    channel: ConfirmChannel,
    lose: (error: Error) => void,
    answered: () => void,
  ): Promise<ConfirmChannel> => {
    let cause: unknown
    channel.on('error', error => {
      cause = error
    })
    channel.on('close', () => {
      forgiven = source.detach(cause)
    })
    channel.on('drain', source.drained)
    channel.on('return', source.returned)
    await use.prepare?.(channel, lose, answered)
    return channel
  }

  const onLine = (state: LineState) => {
    source.pause(state.connection === 'blocked')
    use.onLine(state)
  }
  const onChannel = (state: ChannelState<ConfirmChannel>) => {
    if (state.missing === undefined) {
      use.onOpen()
      return source.attach(state.opened)
    }
    source.detach()
    const wasForgiven = forgiven
    forgiven = false
    use.onMissing(state.error, wasForgiven)
  }

  const outlet = new Subscription()
  outlet.add(hold.state$.subscribe(onLine))
  const { explain } = use
  const channels$ = superviseChannel(hold, {
    create: model => model.createConfirmChannel(),
    prepare,
    ...(explain && { explain }),
  })
  outlet.add(channels$.subscribe(onChannel))
  return outlet
}
