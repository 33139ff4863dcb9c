import type { ChannelModel } from 'amqplib'
import {
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
import { currentWork, enter } from '../../../core/work.ts'
import { makeInFlight } from '../../common/in-flight.ts'
import { type ChannelState, type OpenChannel, superviseChannel } from '../connection/channel.ts'
import { isFinal } from '../connection/errors.ts'
import type { Hold } from '../connection/line.ts'
import { makeCopies } from './copies.ts'
import { makeCounts } from './counts.ts'
import type { Delivery } from './delivery.ts'
import type { OnEnded } from './ended.ts'
import { queueError } from './errors.ts'
import { type Level, levels } from './levels.ts'
import type { Settings } from './options.ts'
import { makeOutcomes } from './outcomes.ts'
import { consume, type Session } from './session.ts'

/** How long those who work on messages may take to end once they were asked to give up, in milliseconds. */
const GRACE = 250

/** Whoever works on messages. */
export interface Worker {
  /** Begins with a message; never throws. */
  begin(delivery: Delivery): void
  /** Asks that this one be given up. Promises may take their time, Observables are let go at once. */
  abort(delivery: Delivery): void
  /** No more messages come. What this returns completes when all that was begun has come to its end. */
  drain?(): Observable<unknown>
  /** Lets go of what it does for all of them. */
  letGo?(): void
}

/** One life of a consumer, from outside. */
export interface Consumption {
  readonly hooks: ServiceHooks
  /** Lets go of everything properly, and only then fails. */
  fail(error: unknown): void
}

/** One life of a consumer. To unsubscribe `life` is to let go of everything. */
export const consumption = (
  settings: Settings,
  life: Subscription,
  makeWorker: (onEnded: OnEnded) => Worker,
): Consumption => {
  const { service, address, queue, lines, concurrency } = settings
  const within = currentWork()
  let hold: Hold | undefined
  let channel: OpenChannel<Session> | undefined
  let leaving: Promise<void> | undefined
  let context: ServiceContext | undefined
  let running = false
  let rejectStart: (error: unknown) => void = () => {}
  let keepsDelays = true
  let lost: string | undefined
  let trouble: string | undefined
  /** How many are being worked on, and those that wait for one of them to end. */
  let working = 0
  const room: Delivery[] = []

  const tell: ServiceContext['info'] = particulars => context?.info(particulars)
  const sayHealth = () => {
    if (!running) return
    if (lost !== undefined) context?.setHealth('fail', lost)
    else if (trouble !== undefined) context?.setHealth('warn', trouble)
    else context?.setHealth('pass')
  }

  const inFlight = makeInFlight<Delivery>()
  const counts = makeCounts(() => inFlight.size, tell)
  const sayTrouble = (why: string | undefined) => {
    if (why === trouble) return
    trouble = why
    sayHealth()
  }
  const copies = makeCopies(lines.publishing, service, why => sayTrouble(`messages that failed wait: ${why}`))
  const outcomes = makeOutcomes(settings, {
    inFlight,
    counts,
    copies,
    keepsDelays: () => keepsDelays,
    trouble: sayTrouble,
  })
  const worker = makeWorker((delivery, ended) => {
    if (delivery.ended) return
    delivery.ended = true
    working--
    outcomes.onEnded(delivery, ended)
    if (room.length > 0) beginNext()
  })

  const begin = (delivery: Delivery) => {
    working++
    inFlight.take(delivery)
    counts.changed()
    enter(within && { within, exact: true, isOpen: () => !delivery.ended }, () => worker.begin(delivery))
  }
  const beginNext = () => {
    while (working < concurrency) {
      const delivery = room.shift()
      if (!delivery) return
      begin(delivery)
    }
  }
  const onDelivery = (delivery: Delivery) => {
    if (leaving) delivery.session.nack(delivery, true)
    else if (working < concurrency) begin(delivery)
    else room.push(delivery)
  }

  const abort = () => {
    for (const delivery of inFlight.all()) if (!delivery.ended) worker.abort(delivery)
  }
  /** What was delivered over a lost session is delivered again: who works on it should know. */
  const forgetSession = () => {
    channel?.opened.close()
    channel = undefined
    room.length = 0
    outcomes.forget()
    abort()
  }
  const giveUp = () => {
    let abandoned = 0
    for (const delivery of inFlight.all()) {
      inFlight.release(delivery)
      delivery.session.nack(delivery, true)
      if (!delivery.ended) abandoned++
    }
    if (abandoned > 0) tell({ abandoned })
  }
  life.add(() => {
    counts.stop()
    worker.letGo?.()
    forgetSession()
    copies.drop()
  })

  /** From this very tick on no message is begun, and nothing connects again. Settles when no more are delivered. */
  const leave = (): Promise<void> => {
    if (leaving) return leaving
    if (channel) {
      leaving = channel.opened.cancel()
      for (const delivery of room) delivery.session.nack(delivery, true)
      room.length = 0
      outcomes.leave()
      tell({ consumer: 'stopped' })
    } else {
      leaving = Promise.resolve()
      life.unsubscribe()
    }
    return leaving
  }
  /** The channel first, since only the answer to its close says that the last acks arrived; then the connections. */
  const close = async (): Promise<void> => {
    channel?.opened.flush()
    await channel?.close()
    await Promise.all([hold?.leave(), copies.leave()])
    life.unsubscribe()
  }

  const onMissing = (missing: Level, error: Error | undefined) => {
    forgetSession()
    if (leaving) return life.unsubscribe()
    if (error && isFinal(error, running)) return fail(error)
    if (error && error.message !== lost) {
      lost = error.message
      lastError = error
      sayHealth()
    }
    tell(levels(missing))
  }
  const onChannel = (state: ChannelState<Session>) => {
    if (state.missing !== undefined) return onMissing(state.missing, state.error)
    channel = state
    lost = undefined
    tell({ ...levels(undefined), broker: hold?.settings.address ?? address })
    sayHealth()
    begun(state.opened)
  }
  let lastError: Error | undefined
  let begun: (session: Session) => void = () => {}

  const start = (given: ServiceContext): Promise<void> =>
    new Promise((resolve, reject) => {
      context = given
      rejectStart = reject
      const { signal } = given
      tell({ broker: address, queue })
      begun = session => {
        running = true
        resolve()
        queueMicrotask(() => session.begin())
      }
      const held = lines.consuming.hold(service)
      hold = held
      const channels$ = superviseChannel(held, {
        create: model => {
          keepsDelays = isRabbit(model)
          return model.createChannel()
        },
        prepare: (opened, lose, answered) =>
          consume({ ...settings, address: held.settings.address }, opened, lose, onDelivery, answered),
        explain: error => queueError(settings, held.settings, error),
      })
      life.add(channels$.subscribe(onChannel))
      life.add(() => held.drop())

      const cancel = () => {
        if (running) return
        life.unsubscribe()
        // A start that timed out is named after what kept it from connecting.
        reject(given.reason?.by === 'failure' ? (lastError ?? signal.reason) : signal.reason)
      }
      signal.addEventListener('abort', cancel, { once: true })
    })

  const drain = ({ pending }: ServiceContext) =>
    merge(
      from(leave()).pipe(ignoreElements()),
      // What it has kept for itself is handed back.
      worker.drain?.().pipe(ignoreElements(), tap({ complete: abort })) ?? [],
      inFlight.untilEmpty$().pipe(tap(pending)),
    )

  const stop = async ({ signal, pending }: ServiceContext): Promise<void> => {
    void leave()
    worker.letGo?.()
    abort()
    // Under force those that end at once still count as ended.
    const graceOver$ = merge(timer(signal.aborted ? 0 : GRACE), fromEvent(signal, 'abort'))
    await lastValueFrom(inFlight.untilEmpty$().pipe(tap(pending), takeUntil(graceOver$)), { defaultValue: 0 })
    giveUp()
    counts.flush()
    await close()
  }

  const fail = (error: unknown) => {
    if (!running) {
      life.unsubscribe()
      return rejectStart(error)
    }
    void leave()
    abort()
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

/** A broker inside the process has queues, but no clock: delays are waited for here then. */
const isRabbit = (model: ChannelModel): boolean => {
  const properties: Readonly<Record<string, unknown>> | undefined = model.connection?.serverProperties
  return properties?.['capabilities'] !== undefined
}
