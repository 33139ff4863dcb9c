import type { ChannelModel } from 'amqplib'
import { BehaviorSubject, map, type Observable, retry, Subject, takeUntil } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { makeReconnect } from '../../common/reconnect.ts'
import { connectError } from './errors.ts'
import { type Link, LinkLost, openLink } from './link.ts'
import type { ConnectionSettings } from './options.ts'

/** Where a line is. While there is no connection, `error` says why the last one was lost or not made. */
export type LineState =
  | { readonly connection: 'connecting'; readonly error: Error | undefined }
  | { readonly connection: 'connected'; readonly model: ChannelModel }
  /** Connected, but the broker takes nothing from those who publish, and does not answer them. */
  | { readonly connection: 'blocked'; readonly model: ChannelModel; readonly reason: string }

/** One service's hold on a line. */
export interface Hold {
  readonly settings: ConnectionSettings
  /** The name of who holds it. */
  readonly service: string
  /** The present state, then each change. Errors name the service that holds it. Completes when it is let go. */
  readonly state$: Observable<LineState>
  /** Lets go: the last to leave closes the connection, and waits for that a second at most. Close your channels before. */
  leave(): Promise<void>
  /** Lets go without waiting: the last destroys the socket. Ends a `leave` that is under way. */
  drop(): void
}

/**
 * A connection that several services share: opened when the first takes hold of it, opened anew whenever it is lost,
 * closed by the last that leaves. It tries for as long as anyone holds it; who sees no point in that lets go.
 */
export interface Line {
  hold(service: string): Hold
}

export const makeLine = (settings: ConnectionSettings): Line => {
  let current: Supervision | undefined
  return {
    hold: service => {
      current ??= supervise(settings)
      const supervision = current
      const released$ = new Subject<void>()
      const me = {}
      supervision.holders.add(me)
      let leaving: Promise<void> | undefined
      let isLast = false

      /** Nobody holds it any more once the last has let go: who comes now opens another. */
      const release = () => {
        released$.next()
        supervision.holders.delete(me)
        isLast = supervision.holders.size === 0
        if (isLast && current === supervision) current = undefined
      }
      return {
        settings,
        service,
        state$: supervision.state$.pipe(map(withErrorFor(service, settings)), takeUntil(released$)),
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
  | { readonly connection: 'connecting'; readonly cause?: unknown }

interface Supervision {
  readonly holders: Set<object>
  readonly state$: Observable<Supervised>
  close(): Promise<void>
  destroy(): void
}

const supervise = (settings: ConnectionSettings): Supervision => {
  const state$ = new BehaviorSubject<Supervised>({ connection: 'connecting' })
  let link: Link | undefined
  const reconnect = makeReconnect()
  let openedAt = 0
  const loop = openLink(settings)
    .pipe(
      retry({
        delay: cause => {
          const lasted = link ? performance.now() - openedAt : 0
          link = undefined
          state$.next({ connection: 'connecting', cause })
          return timer(reconnect.next(lasted))
        },
      }),
    )
    .subscribe(opened => {
      if (!link) openedAt = performance.now()
      link = opened
      const { model, blocked } = opened
      state$.next(
        blocked === undefined ? { connection: 'connected', model } : { connection: 'blocked', model, reason: blocked },
      )
    })
  return {
    holders: new Set(),
    state$,
    close: async () => {
      await link?.close()
      loop.unsubscribe()
    },
    destroy: () => loop.unsubscribe(),
  }
}

const withErrorFor =
  (service: string, settings: ConnectionSettings) =>
  (state: Supervised): LineState => {
    if (state.connection !== 'connecting') return state
    const { cause } = state
    if (cause === undefined) return { connection: 'connecting', error: undefined }
    return {
      connection: 'connecting',
      error: cause instanceof LinkLost ? cause : connectError(service, settings, cause),
    }
  }
