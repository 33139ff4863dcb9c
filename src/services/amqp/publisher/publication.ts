import type { ConfirmChannel } from 'amqplib'
import type { Subscription } from 'rxjs'
import type { ServiceContext } from '../../../core/hooks/hook-call.ts'
import type { ServiceHooks } from '../../../core/service.ts'
import type { Info } from '../../../core/state.ts'
import { makeNews } from '../../common/news.ts'
import { allAtOnce } from '../connection/at-once.ts'
import { connectError, isFinal } from '../connection/errors.ts'
import type { Hold, LineState } from '../connection/line.ts'
import { exchangeRequests, withExchange } from '../exchange.ts'
import type { Settings } from './options.ts'
import type { Outbox } from './outbox.ts'
import { type OutletSource, openOutlet } from './outlet.ts'

/** The publishing of one incarnation, and its numbers. */
export interface Publishing {
  readonly outbox: OutletSource & Pick<Outbox, 'size' | 'giveUp'>
  /** The numbers that `info` tells once a second. */
  numbers(): Info
  /** The name under which `info` tells how many messages were dropped. */
  readonly givenUp: string
  /** Prepares each new channel, once the exchanges are there. */
  readonly prepare?: (channel: ConfirmChannel, lose: (error: Error) => void) => PromiseLike<void>
  /** Left out: it takes no part in draining. */
  readonly drain?: NonNullable<ServiceHooks['drain']>
}

/** One life of a publisher, from outside. */
export interface Publication<P extends Publishing> {
  readonly hooks: ServiceHooks
  /** The publishing side, while it takes messages. */
  readonly open: P | undefined
}

/**
 * One life of a publisher. The end of `life` closes everything without waiting, and rejects what is not settled.
 *
 * @param publish Makes what is published from. It calls `onChange` at each change.
 */
export const publication = <P extends Publishing>(
  settings: Settings,
  life: Subscription,
  publish: (onChange: () => void) => P,
): Publication<P> => {
  const { service, address, exchange, exchanges, lines } = settings
  let hold: Hold | undefined
  let outlet: Subscription | undefined
  let context: ServiceContext | undefined
  let running = false
  let stopping = false
  let connection: LineState['connection'] = 'connecting'
  let told: Info = {}
  let blocked: string | undefined
  let lost: string | undefined
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

  const publishing = publish(() => {
    news.changed()
    onLeft?.(outbox.size)
  })
  const { outbox } = publishing
  const news = makeNews(publishing.numbers, tell)

  const giveUp = () => {
    running = false
    const left = outbox.giveUp()
    if (left > 0) tell({ [publishing.givenUp]: left })
  }
  life.add(() => {
    news.stop()
    giveUp()
    onStopped()
  })

  const prepare = async (
    channel: ConfirmChannel,
    lose: (error: Error) => void,
    answered: () => void,
  ): Promise<void> => {
    const user = { service, address: hold?.settings.address ?? address }
    const requests = [...exchangeRequests(user, channel, exchanges)]
    if (exchange !== '' && !exchanges.some(({ name }) => name === exchange))
      requests.push(() => withExchange(user, exchange, () => channel.checkExchange(exchange)))
    await allAtOnce(channel, requests, answered)
    await publishing.prepare?.(channel, lose)
  }

  const onLine = (state: LineState) => {
    connection = state.connection
    const reason = state.connection === 'blocked' ? state.reason : undefined
    sayLevels()
    if (reason === blocked) return
    blocked = reason
    sayHealth()
  }
  const onOpen = () => {
    lost = undefined
    sayLevels('open')
    begun()
    sayHealth()
  }
  const onMissing = (error: Error | undefined, forgiven: boolean) => {
    if (error && isFinal(error, running)) return fail(error)
    if (error && !forgiven && error.message !== lost) {
      lost = error.message
      lastError = error
      sayHealth()
    }
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
      const explain = (error: unknown) => connectError(service, held.settings, error)
      outlet = openOutlet(held, outbox, { prepare, explain, onLine, onOpen, onMissing })
      life.add(outlet)

      const cancel = () => {
        if (running) return
        life.unsubscribe()
        // A start that timed out is named after what kept it from connecting.
        reject(given.reason?.by === 'failure' ? (lastError ?? signal.reason) : signal.reason)
      }
      signal.addEventListener('abort', cancel, { once: true })
    })

  /** Takes no more, and waits until all that is held is settled, or `life` has ended. */
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
    // All that matters is settled: the answer to the channel's close says nothing more.
    outlet?.unsubscribe()
    await hold?.leave()
    life.unsubscribe()
  }

  const fail = (error: unknown) => {
    const wasRunning = running
    life.unsubscribe()
    if (wasRunning || stopping) context?.fail(error)
    else rejectStart(error)
  }

  const { drain } = publishing
  return {
    hooks: { start, ...(drain && { drain }), stop, force: () => life.unsubscribe() },
    get open() {
      return running && !stopping ? publishing : undefined
    },
  }
}
