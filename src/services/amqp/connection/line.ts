import { hostname } from 'node:os'
import { BehaviorSubject, defer, map, type Observable, retry, Subject, takeUntil } from 'rxjs'
import type { Backoff } from '../../../core/behaviors/backoff.ts'
import { systemClock, timer } from '../../../core/clock.ts'
import { currentPath } from '../../../core/work.ts'
import { makeReconnect, type Reconnect } from '../../common/reconnect.ts'
import type { BrokerSettings } from './broker.ts'
import { type AttemptFailed, isRefusedLogin, roundError } from './errors.ts'
import { type Link, LinkLost, openLink } from './link.ts'
import type { AmqpModel } from './model.ts'
import type { ConnectionSettings } from './options.ts'

/** Where a line is. While there is no connection, `error` says why the last one was lost or not made. */
export type LineState =
  | { readonly connection: 'connecting'; readonly error: Error | undefined }
  | { readonly connection: 'connected'; readonly model: AmqpModel }
  /** Connected, but the broker takes nothing from those who publish, and does not answer them. */
  | { readonly connection: 'blocked'; readonly model: AmqpModel; readonly reason: string }

/** One service's hold on a line. */
export interface Hold {
  /** The broker that is connected, or was tried last. */
  readonly settings: BrokerSettings
  /** The name of who holds it. */
  readonly service: string
  /** The present state, then each change. Errors name the service that holds it. Completes when it is released. */
  readonly state$: Observable<LineState>
  /**
   * Releases the line: the last to leave closes the connection, and waits for that a second at most. Close your
   * channels before.
   */
  leave(): Promise<void>
  /** Releases the line without waiting: the last destroys the socket. Ends a `leave` that is under way. */
  drop(): void
}

/**
 * A connection that several services share: opened when the first takes hold of it, opened anew whenever it is lost,
 * closed by the last that leaves. It tries for as long as anyone holds it; a service that sees no point in that
 * releases it.
 */
export interface Line {
  hold(service: string): Hold
}

export const makeLine = (settings: ConnectionSettings): Line => {
  let current: Supervision | undefined
  return {
    hold: service => {
      current ??= supervise(settings, settings.connectionName ?? `${currentPath() ?? service}@${hostname()}`)
      const supervision = current
      const released$ = new Subject<void>()
      const me = {}
      supervision.holders.add(me)
      let leaving: Promise<void> | undefined
      let isLast = false

      /** The line has no holder any more: the next service opens another. */
      const release = () => {
        released$.next()
        supervision.holders.delete(me)
        isLast = supervision.holders.size === 0
        if (isLast && current === supervision) current = undefined
      }
      return {
        get settings() {
          return supervision.broker
        },
        service,
        state$: supervision.state$.pipe(
          map(state => withErrorFor(service, state)),
          takeUntil(released$),
        ),
        leave: () => {
          if (leaving) return leaving
          release()
          leaving = isLast ? supervision.close() : Promise.resolve()
          return leaving
        },
        drop: () => {
          if (!leaving) release()
          leaving ??= Promise.resolve()
          if (isLast) supervision.destroy()
        },
      }
    },
  }
}

type Supervised =
  | Exclude<LineState, { readonly connection: 'connecting' }>
  | { readonly connection: 'connecting'; readonly error?: LinkLost | FailedRound }

interface Supervision {
  readonly holders: Set<object>
  readonly state$: Observable<Supervised>
  /** The broker that is connected, or was tried last. */
  readonly broker: BrokerSettings
  close(): Promise<void>
  destroy(): void
}

/** No broker could be used. It becomes an error of each service that holds the line. */
interface FailedRound {
  readonly failures: readonly AttemptFailed[]
  readonly refusedFor: number | undefined
}

/**
 * How long refused logins are tried again once a connection has stood, in milliseconds. A changed password reaches all
 * its places within minutes.
 */
const REFUSED_LIMIT = 5 * 60_000

/** The pauses between refused logins. A directory may lock out a user with too many of them. */
const REFUSED: Backoff = { initialDelay: 200, factor: 2, maxDelay: 5_000, jitter: 0.5, resetAfter: 0 }

const supervise = (settings: ConnectionSettings, name: string): Supervision => {
  const { brokers } = settings
  const state$ = new BehaviorSubject<Supervised>({ connection: 'connecting' })
  const reconnect = makeReconnect()
  let link: Link | undefined
  let openedAt = 0
  let hasStood = false
  let next = 0
  let broker = brokers[0]!
  let failures: AttemptFailed[] = []
  /** Since when each login is refused. */
  let refused: { readonly since: number; readonly pauses: Reconnect } | undefined

  /** Each broker was tried once. */
  const endRound = (): FailedRound => {
    const round = failures
    failures = []
    const now = systemClock.now()
    if (!round.every(({ cause }) => isRefusedLogin(cause))) refused = undefined
    else refused ??= { since: now, pauses: makeReconnect(REFUSED) }
    const refusedFor = refused && now - refused.since
    const isOver = hasStood && refusedFor !== undefined && refusedFor >= REFUSED_LIMIT
    return { failures: round, refusedFor: isOver ? refusedFor : undefined }
  }

  const loop = defer(() => {
    broker = brokers[next % brokers.length]!
    next++
    return openLink(settings, broker, name)
  })
    .pipe(
      retry({
        delay: (cause: LinkLost | AttemptFailed) => {
          const lasted = link ? systemClock.now() - openedAt : 0
          link = undefined
          if (!(cause instanceof LinkLost)) {
            failures.push(cause)
            if (failures.length < brokers.length) return timer(0)
          }
          state$.next({ connection: 'connecting', error: cause instanceof LinkLost ? cause : endRound() })
          return timer((refused?.pauses ?? reconnect).next(lasted))
        },
      }),
    )
    .subscribe(opened => {
      if (!link) openedAt = systemClock.now()
      link = opened
      hasStood = true
      failures = []
      refused = undefined
      const { model, blocked } = opened
      state$.next(
        blocked === undefined ? { connection: 'connected', model } : { connection: 'blocked', model, reason: blocked },
      )
    })
  return {
    holders: new Set(),
    state$,
    get broker() {
      return broker
    },
    close: async () => {
      await link?.close()
      loop.unsubscribe()
    },
    destroy: () => loop.unsubscribe(),
  }
}

const withErrorFor = (service: string, state: Supervised): LineState => {
  if (state.connection !== 'connecting') return state
  const { error } = state
  if (error === undefined || error instanceof LinkLost) return { connection: 'connecting', error }
  return { connection: 'connecting', error: roundError(service, error.failures, error.refusedFor) }
}
