import type { Channel } from 'amqplib'
import { distinctUntilChanged, Observable, of, retry, type Subscription, switchMap, tap } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { isError, messageOf } from '../../../core/errors.ts'
import { milliseconds } from '../../../core/units.ts'
import { makeReconnect } from '../../common/reconnect.ts'
import { closeQuietly } from './close-quietly.ts'
import { codeOf } from './errors.ts'
import type { Hold, LineState } from './line.ts'
import type { AmqpModel } from './model.ts'

/** The state of a channel on a line: all of it, or which level is missing and why. */
export type ChannelState<T> =
  | { readonly missing: 'connection' | 'channel' | 'consumer'; readonly error: Error | undefined }
  | OpenChannel<T>

/** A channel, ready for use. */
export interface OpenChannel<T> {
  readonly missing: undefined
  /** The result of `prepare`. */
  readonly opened: T
  /**
   * Closes it for good. Settles when the broker has answered, which says that all that was sent before arrived, or when
   * it is gone.
   */
  close(): Promise<void>
}

/** The way a channel is opened and prepared. */
export interface ChannelUse<C extends Channel, T> {
  /** How the channel is opened: `model => model.createConfirmChannel()` */
  readonly create: (model: AmqpModel) => PromiseLike<C>
  /**
   * Prepares the channel for use: declare, consume. `lose` says that the channel is of no more use. `answered` says
   * that one of several answers has come, and begins the wait for the next answer.
   */
  readonly prepare: (channel: C, lose: (error: Error) => void, answered: () => void) => PromiseLike<T>
  /** Makes the error to report from one of `create` or `prepare`. */
  readonly explain?: (error: unknown) => Error
}

/** How long the broker may take for each answer while a channel is opened and prepared, in milliseconds. */
const ANSWER_LIMIT = 10_000

/** The consumer is gone, though its channel is not. */
export class ConsumerLost extends Error {}

/**
 * A channel on a line, opened and prepared anew whenever it or its connection is lost: at once with a new connection,
 * and with backoff when only the channel was lost. To unsubscribe is to close the channel, without waiting for that.
 */
export const superviseChannel = <C extends Channel, T>(
  { state$ }: Hold,
  use: ChannelUse<C, T>,
): Observable<ChannelState<T>> =>
  state$.pipe(
    // A connection that is blocked is still the same.
    distinctUntilChanged((a, b) => modelOf(a) !== undefined && modelOf(a) === modelOf(b)),
    switchMap(state =>
      state.connection === 'connecting'
        ? of({ missing: 'connection', error: state.error } as const)
        : keepChannel(state.model, use),
    ),
  )

const modelOf = (state: LineState): AmqpModel | undefined =>
  state.connection === 'connecting' ? undefined : state.model

const keepChannel = <C extends Channel, T>(model: AmqpModel, use: ChannelUse<C, T>): Observable<ChannelState<T>> =>
  new Observable(out => {
    const reconnect = makeReconnect()
    let openedAt: number | undefined
    out.next({ missing: 'channel', error: undefined })
    const channels$ = openChannel(model, use).pipe(
      tap(() => {
        openedAt = performance.now()
      }),
      retry({
        delay: (error: Error) => {
          const lasted = openedAt === undefined ? 0 : performance.now() - openedAt
          openedAt = undefined
          out.next({ missing: error instanceof ConsumerLost ? 'consumer' : 'channel', error })
          return timer(reconnect.next(lasted))
        },
      }),
    )
    out.add(channels$.subscribe(out))
  })

/** One channel: emitted once it is prepared, completes when it was closed, an error says why it was lost. */
const openChannel = <C extends Channel, T>(
  model: AmqpModel,
  { create, prepare, explain = asError }: ChannelUse<C, T>,
): Observable<OpenChannel<T>> =>
  new Observable(out => {
    let channel: C | undefined
    let cause: unknown
    let prepared = false
    let closing = false
    let late: Subscription | undefined
    let sayGone = () => {}
    // A request to a broker that is gone stays pending for ever.
    const gone = new Promise<void>(resolve => {
      sayGone = resolve
    })

    const awaitAnswer = () => {
      late?.unsubscribe()
      late = timer(ANSWER_LIMIT).subscribe(() =>
        out.error(explain(new Error(`no answer within ${milliseconds(ANSWER_LIMIT)}`))),
      )
    }

    const lost = () => {
      if (closing) return out.complete()
      // `prepare` fails by this too, and its error says more.
      if (prepared) out.error(new Error(`channel closed${cause === undefined ? '' : `: ${messageOf(cause)}`}`))
    }

    const close = async (): Promise<void> => {
      closing = true
      await Promise.race([closeQuietly(channel), gone])
      out.complete()
    }

    const open = async (): Promise<void> => {
      channel = await create(model)
      channel.on('error', error => {
        cause = error
      })
      // When the connection is lost its channels close first: let it say why.
      channel.on('close', () => queueMicrotask(lost))
      if (out.closed) return closeQuietly(channel)
      const answered = () => {
        if (!prepared && !out.closed) awaitAnswer()
      }
      answered()
      const opened = await prepare(channel, error => out.error(error), answered)
      prepared = true
      late?.unsubscribe()
      out.next({ missing: undefined, opened, close })
    }

    awaitAnswer()
    out.add(() => {
      late?.unsubscribe()
      sayGone()
      void closeQuietly(channel)
    })
    const why = (error: unknown) => explain(codeOf(error) === undefined ? (cause ?? error) : error)
    open().catch(error => queueMicrotask(() => out.error(why(error))))
  })

const asError = (error: unknown): Error => (isError(error) ? error : new Error(messageOf(error)))
