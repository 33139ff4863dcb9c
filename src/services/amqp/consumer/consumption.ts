import {
  concat,
  defer,
  from,
  fromEvent,
  ignoreElements,
  lastValueFrom,
  merge,
  type Observable,
  type Subscription,
  takeUntil,
  tap,
} from 'rxjs'
import { after, systemClock, timer } from '../../../core/clock.ts'
import type { ServiceContext } from '../../../core/hooks/hook-call.ts'
import type { ServiceHooks } from '../../../core/service.ts'
import { makeInFlight } from '../../common/in-flight.ts'
import { type ChannelState, type OpenChannel, superviseChannel } from '../connection/channel.ts'
import { isFinal } from '../connection/errors.ts'
import { type Features, featuresOf, UNKNOWN } from '../connection/features.ts'
import type { Hold } from '../connection/line.ts'
import { makeReplies } from '../rpc/replies.ts'
import { makeCopies } from './copies.ts'
import { makeCounts } from './counts.ts'
import type { Delivery } from './delivery.ts'
import type { OnEnded } from './ended.ts'
import { isDeliveryTimeout, queueError } from './errors.ts'
import { makeGiveBack } from './give-back.ts'
import { GRACE, makeHandlers } from './handlers.ts'
import { makeHealth } from './health.ts'
import { makeIntake } from './intake.ts'
import { type Level, levels } from './levels.ts'
import { makeOffsets } from './offsets.ts'
import type { Settings } from './options.ts'
import { makeOutcomes } from './outcomes.ts'
import { watchProgress } from './progress.ts'
import { makeReturned } from './returned.ts'
import { consume, type Session } from './session.ts'
import type { Worker } from './worker.ts'

/** How long a stop waits for the confirms of copies that are given back, in milliseconds. */
const COPIES_GRACE = 1_000

/** One incarnation of a consumer: its hooks, and how to fail it. */
export interface Consumption {
  readonly hooks: ServiceHooks
  /** Gives the messages back, closes the connections, and then fails. */
  fail(error: unknown): void
}

/** Makes one incarnation of a consumer. Unsubscribing `life` closes everything at once. */
export const consumption = (
  settings: Settings,
  life: Subscription,
  makeWorker: (onEnded: OnEnded) => Worker,
): Consumption => {
  const { service, address, queue, lines } = settings
  const noAck = settings.consumeOptions.noAck ?? false
  let hold: Hold | undefined
  let channel: OpenChannel<Session> | undefined
  let leaving: Promise<void> | undefined
  let context: ServiceContext | undefined
  let running = false
  let rejectStart: (error: unknown) => void = () => {}
  let features: Features = UNKNOWN

  const tell: ServiceContext['info'] = particulars => context?.info(particulars)
  const health = makeHealth()
  const inFlight = makeInFlight<Delivery>()
  const counts = makeCounts(() => inFlight.size, tell)
  const returned = makeReturned()
  const offsets = settings.offset === undefined ? undefined : makeOffsets(settings.offset)
  const copies = makeCopies(lines.publishing, service, why =>
    health.trouble('setting aside', `messages that failed wait: ${why}`),
  )
  const replies = makeReplies(lines.publishing, service, settings.encode, why => health.trouble('replying', why))
  const common = { inFlight, counts, copies, returned, features: () => features }
  const giveBack = makeGiveBack(settings, common)
  const outcomes = makeOutcomes(settings, {
    ...common,
    giveBack,
    begin: delivery => intake.places.take(delivery),
    take: delivery => intake.take(delivery),
    failed: (what, error) => context?.workFailed(what, error),
    trouble: why => health.trouble('setting aside', why),
  })
  const progress = watchProgress(
    () => intake.places.areFull,
    why => health.trouble('progress', why),
  )
  const handlers = makeHandlers(makeWorker, {
    service,
    handlerTimeout: settings.handlerTimeout,
    life,
    onEnded: (delivery, ended) => {
      progress.made()
      outcomes.onEnded(delivery, ended)
    },
    free: () => intake.places.free(),
    runOn: count => health.trouble('handlers', runsOn(count)),
  })
  const { worker } = handlers
  const begin = (delivery: Delivery) => {
    inFlight.take(delivery)
    counts.changed()
    handlers.begin(delivery)
  }
  const intake = makeIntake(settings, { ...common, handlers, outcomes, giveBack, begin })

  const onDelivery = (delivery: Delivery) => {
    if (!leaving || noAck) intake.take(delivery)
    // A single active consumer keeps these messages until its channel is closed, so that the order is kept.
    else if (!queue.hasSingleActiveConsumer) giveBack(delivery)
  }

  /** The session is lost. Its messages come again, so the signals of their handlers fire. */
  const forgetSession = (error?: Error) => {
    const unacked = channel?.opened.all() ?? []
    channel?.opened.close()
    channel = undefined
    // With `noAck` no message comes again, so the handlers go on.
    if (noAck) return
    intake.clear()
    outcomes.forget()
    for (const [place, delivery] of (unacked as readonly Delivery[]).entries()) {
      // The broker measures its delivery timeout at the oldest message.
      const isAttempt = place === 0 && isDeliveryTimeout(error)
      if (!delivery.done) returned.remember(delivery, delivery.attempt + (isAttempt ? 1 : 0))
    }
    handlers.giveUp(inFlight.all())
  }
  const giveUp = () => {
    let abandoned = 0
    for (const delivery of inFlight.all()) {
      if (delivery.handled) abandoned++
      inFlight.release(delivery)
      delivery.ended = true
      giveBack(delivery)
    }
    if (abandoned > 0) tell({ abandoned })
  }
  life.add(() => {
    progress.stop()
    counts.stop()
    worker.letGo?.()
    forgetSession()
    copies.drop()
    replies.drop()
  })

  /** From now on no message is begun, and nothing connects again. Resolves when no more messages are delivered. */
  const leave = (): Promise<void> => {
    if (leaving) return leaving
    if (channel) {
      leaving = queue.hasSingleActiveConsumer ? Promise.resolve() : channel.opened.cancel()
      if (!noAck) for (const delivery of intake.clear()) onDelivery(delivery)
      outcomes.leave()
      tell({ consumer: 'stopped' })
    } else {
      leaving = Promise.resolve()
      life.unsubscribe()
    }
    return leaving
  }
  /** Closes the channel when the queue has carried out the last acknowledgements. */
  const closeChannel = async (): Promise<void> => {
    // The last message may leave `inFlight` now, and is acknowledged later in this turn.
    await undefined
    giveBack.hurry()
    await channel?.opened.settle()
    await channel?.close()
  }
  const close = async (): Promise<void> => {
    await closeChannel()
    if (queue.isTemporary) await copies.deleteQueue(queue.parkedName)
    await Promise.all([hold?.leave(), copies.leave(), replies.leave()])
    life.unsubscribe()
  }

  const onMissing = (missing: Level, error: Error | undefined) => {
    forgetSession(error)
    if (leaving) return life.unsubscribe()
    if (error && isFinal(error, running)) return fail(error)
    if (error && error.message !== health.lost) {
      health.lost = error.message
      lastError = error
    }
    tell(levels(missing))
  }
  const onChannel = (state: ChannelState<Session>) => {
    if (state.missing !== undefined) return onMissing(state.missing, state.error)
    channel = state
    tell({
      ...levels(undefined),
      broker: hold?.settings.address ?? address,
      ...(queue.isServerNamed && { queue: state.opened.queue }),
    })
    health.lost = undefined
    begun(state.opened)
  }
  let lastError: Error | undefined
  let begun: (session: Session) => void = () => {}

  const start = (given: ServiceContext): Promise<void> =>
    new Promise((resolve, reject) => {
      context = given
      rejectStart = reject
      const { signal } = given
      tell({ broker: address, ...(!queue.isServerNamed && { queue: queue.name }) })
      begun = session => {
        running = true
        health.begin(given)
        resolve()
        queueMicrotask(() => session.begin())
      }
      const held = lines.consuming.hold(service)
      hold = held
      const channels$ = superviseChannel(held, {
        create: model => {
          features = featuresOf(model)
          return model.createChannel()
        },
        prepare: (opened, lose, answered) => {
          const present = { ...settings, address: held.settings.address }
          return consume(present, opened, lose, onDelivery, replies.send, answered, offsets)
        },
        explain: error => queueError(settings, held.settings, error),
      })
      life.add(channels$.subscribe(onChannel))
      life.add(() => held.drop())

      const cancel = () => {
        if (running) return
        life.unsubscribe()
        // A start that timed out rejects with the reason why there was no connection.
        reject(given.reason?.by === 'failure' ? (lastError ?? signal.reason) : signal.reason)
      }
      signal.addEventListener('abort', cancel, { once: true })
    })

  const drain = ({ pending }: ServiceContext): Observable<unknown> => {
    const emptied$ = merge(
      from(leave()).pipe(ignoreElements()),
      // When the pipeline has completed, the messages that it kept are given back.
      worker.drain?.().pipe(ignoreElements(), tap({ complete: () => handlers.giveUp(inFlight.all()) })) ?? [],
      inFlight.untilEmpty$().pipe(tap(pending)),
    )
    if (!queue.hasSingleActiveConsumer) return emptied$
    // The next consumer begins when the channel is closed: all handlers have ended, and all acknowledgements arrived.
    return concat(emptied$, defer(closeChannel).pipe(ignoreElements()))
  }

  const stop = async ({ signal, pending }: ServiceContext): Promise<void> => {
    void leave()
    if (noAck) for (const delivery of intake.clear()) giveBack(delivery)
    worker.letGo?.()
    handlers.giveUp(inFlight.all())
    // Under *force* the handlers that end at once still count as ended.
    const emptiedWithin = (grace: number) => {
      const graceOver$ = merge(timer(signal.aborted ? 0 : grace), fromEvent(signal, 'abort'))
      return lastValueFrom(inFlight.untilEmpty$().pipe(tap(pending), takeUntil(graceOver$)), { defaultValue: 0 })
    }
    await emptiedWithin(GRACE)
    giveUp()
    await emptiedWithin(COPIES_GRACE)
    counts.flush()
    await close()
  }

  const fail = (error: unknown) => {
    if (!running) {
      life.unsubscribe()
      return rejectStart(error)
    }
    void leave()
    handlers.giveUp(inFlight.all())
    giveUp()
    counts.flush()
    const end = () => {
      life.unsubscribe()
      context?.fail(error)
    }
    const late = after(systemClock, GRACE, end)
    void close().then(() => {
      late?.unsubscribe()
      end()
    })
  }

  return { hooks: { start, drain, stop, force: () => life.unsubscribe() }, fail }
}

const runsOn = (count: number): string | undefined => {
  if (count === 0) return undefined
  return count === 1
    ? 'a handler runs on though it was asked to give up, and its message waits for it'
    : `${count} handlers run on though they were asked to give up, and their messages wait for them`
}
