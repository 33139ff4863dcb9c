import type { ConfirmChannel } from 'amqplib'
import type { Subscription } from 'rxjs'
import type { ServiceContext } from '../../../core/hooks/hook-call.ts'
import type { ServiceHooks } from '../../../core/service.ts'
import type { Info } from '../../../core/state.ts'
import { makeNews } from '../../common/news.ts'
import { type ChannelState, superviseChannel } from '../connection/channel.ts'
import { connectError, isFinal } from '../connection/errors.ts'
import type { Hold, LineState } from '../connection/line.ts'
import { declareExchange, withExchange } from '../exchange.ts'
import type { PublishOptions, Settings } from './options.ts'
import { makeOutbox } from './outbox.ts'

/** One life of a publisher, from outside. */
export interface Publication {
  readonly hooks: ServiceHooks
  /** Whether it takes messages. */
  readonly open: boolean
  /** Why it takes none at the moment, if that is so. */
  overflow(): Error | undefined
  publish(key: string, content: Buffer, options: PublishOptions): Promise<void>
}

/** One life of a publisher. To unsubscribe `life` is to let go of everything, and to reject what is not confirmed. */
export const publication = (settings: Settings, life: Subscription): Publication => {
  const { service, address, exchange, lines } = settings
  let hold: Hold | undefined
  let channels: Subscription | undefined
  let context: ServiceContext | undefined
  let running = false
  let stopping = false
  let connection: LineState['connection'] = 'connecting'
  let told: Info = {}
  let blocked: string | undefined
  let lost: string | undefined
  /** The channel was closed because of a message: nothing is wrong with the publisher, if it gets another. */
  let forgiven = false
  let lastError: Error | undefined
  let begun: () => void = () => {}
  let rejectStart: (error: unknown) => void = () => {}
  let onStopped: () => void = () => {}
  /** While it stops: told how many are left. */
  let onLeft: ((left: number) => void) | undefined

  const tell: ServiceContext['info'] = particulars => context?.info(particulars)
  const sayLevels = (channel = told['channel'] ?? 'closed') => {
    if (connection === told['connection'] && channel === told['channel']) return
    told = { connection, channel, ...(channel === 'open' && { broker: hold?.settings.address ?? address }) }
    tell(told)
  }
  const sayHealth = () => {
    if (!running) return
    if (lost !== undefined) context?.setHealth('fail', lost)
    else if (blocked !== undefined) context?.setHealth('warn', `the broker takes no messages: ${blocked}`)
    else context?.setHealth('pass')
  }

  const outbox = makeOutbox(settings, () => {
    news.changed()
    onLeft?.(outbox.size)
  })
  const news = makeNews(numbers, tell)
  let toldConfirmed = 0
  function numbers(): Info {
    const { confirmed, ...rest } = outbox.tally
    const now: Record<string, number | string> = { pending: outbox.size, confirmed }
    for (const [name, count] of Object.entries(rest)) if (count > 0) now[name] = count
    if (confirmed > toldConfirmed) now['lastProgress'] = new Date().toISOString()
    toldConfirmed = confirmed
    return now
  }

  const giveUp = () => {
    running = false
    const unconfirmed = outbox.giveUp()
    if (unconfirmed > 0) tell({ unconfirmed })
  }
  life.add(() => {
    news.stop()
    giveUp()
    onStopped()
  })

  const prepare = async (channel: ConfirmChannel): Promise<ConfirmChannel> => {
    let cause: unknown
    channel.on('error', error => {
      cause = error
    })
    channel.on('close', () => {
      forgiven = outbox.detach(cause)
    })
    channel.on('drain', outbox.drained)
    channel.on('return', outbox.returned)
    const { declareWith } = settings
    const user = { service, address: hold?.settings.address ?? address }
    if (declareWith) await declareExchange(user, channel, declareWith)
    else if (exchange !== '') await withExchange(user, exchange, () => channel.checkExchange(exchange))
    return channel
  }

  const onLine = (state: LineState) => {
    connection = state.connection
    const reason = state.connection === 'blocked' ? state.reason : undefined
    sayLevels()
    if (reason === blocked) return
    blocked = reason
    outbox.pause(blocked !== undefined)
    sayHealth()
  }
  const onChannel = (state: ChannelState<ConfirmChannel>) => {
    if (state.missing === undefined) {
      lost = undefined
      sayLevels('open')
      begun()
      sayHealth()
      return outbox.attach(state.opened)
    }
    outbox.detach()
    const { error } = state
    if (error && isFinal(error, running)) return fail(error)
    if (error && !forgiven && error.message !== lost) {
      lost = error.message
      lastError = error
      sayHealth()
    }
    forgiven = false
    sayLevels('closed')
  }

  const start = (given: ServiceContext): Promise<void> =>
    new Promise((resolve, reject) => {
      context = given
      rejectStart = reject
      const { signal } = given
      tell({ broker: address, ...(exchange !== '' && { exchange }) })
      begun = () => {
        if (!stopping) running = true
        resolve()
      }
      const held = lines.publishing.hold(service)
      hold = held
      life.add(() => held.drop())
      const channels$ = superviseChannel(held, {
        create: model => model.createConfirmChannel(),
        prepare,
        explain: error => connectError(service, held.settings, error),
      })
      life.add(held.state$.subscribe(onLine))
      channels = channels$.subscribe(onChannel)
      life.add(channels)

      const cancel = () => {
        if (running) return
        life.unsubscribe()
        // A start that timed out is named after what kept it from connecting.
        reject(given.reason?.by === 'failure' ? (lastError ?? signal.reason) : signal.reason)
      }
      signal.addEventListener('abort', cancel, { once: true })
    })

  /** Takes no more, and waits until the broker has confirmed all that is held, or until all is let go of. */
  const flush = (pending: ServiceContext['pending']): Promise<void> =>
    new Promise(resolve => {
      stopping = true
      onStopped = resolve
      if (outbox.size === 0) return resolve()
      pending(outbox.size)
      onLeft = left => {
        pending(left)
        if (left === 0) resolve()
      }
    })

  const stop = async ({ signal, pending }: ServiceContext): Promise<void> => {
    if (signal.aborted) return life.unsubscribe()
    await flush(pending)
    news.flush()
    // All that matters is confirmed: the answer to the channel's goodbye says nothing more.
    channels?.unsubscribe()
    await hold?.leave()
    life.unsubscribe()
  }

  const fail = (error: unknown) => {
    const wasRunning = running
    life.unsubscribe()
    if (wasRunning || stopping) context?.fail(error)
    else rejectStart(error)
  }

  return {
    hooks: { start, stop, force: () => life.unsubscribe() },
    get open() {
      return running && !stopping
    },
    overflow: outbox.overflow,
    publish: outbox.publish,
  }
}
