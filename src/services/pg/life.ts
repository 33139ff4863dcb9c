import { after, systemClock } from '../../core/clock.ts'
import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import type { ServiceHooks } from '../../core/service.ts'
import { makeInFlight } from '../common/in-flight.ts'
import { makeReconnect } from '../common/reconnect.ts'
import { ask, CHECK_TIMEOUT, type Finding, isRefusal, lateness, type Question } from './check.ts'
import type { PgClient, PgPool } from './pool.ts'

/** From one check of a database that is well to the next, in milliseconds. */
const CHECK_INTERVAL = 10_000

/** How long the database may take to close connections that are given back, in milliseconds. */
const LINGER = 500

/** One incarnation. `letGo` releases everything, whatever has happened before. */
export interface Life {
  readonly hooks: ServiceHooks
  readonly letGo: () => void
}

/** @param publish is told the pool while it may be used */
export const makeLife = <Pool extends PgPool>(create: () => Pool, publish: (pool: Pool | undefined) => void): Life => {
  const inUse = makeInFlight<PgClient>()
  const open = makeInFlight<PgClient>()
  const reconnect = makeReconnect()
  let pool: Pool | undefined
  let closed: Promise<void> | undefined
  let question: Question | undefined
  let over = false
  let lost = false
  let wake = (): void => {}

  /** Waits, unless a connection is lost or the service ends. */
  const pause = (ms: number): Promise<void> =>
    new Promise(resolve => {
      if (over || lost) return resolve()
      const timer = after(systemClock, ms, resolve)
      wake = () => {
        timer?.unsubscribe()
        resolve()
      }
    })
  const lose = (): void => {
    lost = true
    wake()
  }
  const end = (): void => {
    over = true
    wake()
    question?.client?.end()
  }

  /** Finds a fault of the database, if there is any. A question without an answer is not asked twice. */
  const check = async (): Promise<Finding | undefined> => {
    lost = false
    question ??= ask(pool!)
    const { answer } = question
    let forget = (): void => {}
    const late = new Promise<Finding>(resolve => {
      const timer = after(systemClock, CHECK_TIMEOUT, () => resolve(lateness(pool!, question)))
      forget = () => timer?.unsubscribe()
    })
    const finding = await Promise.race([answer, late])
    forget()
    if (question?.isAnswered) question = undefined
    return finding
  }

  const watch = async ({ setHealth }: ServiceContext): Promise<void> => {
    while (!over) {
      const finding = await check()
      if (over) return
      if (finding === undefined) setHealth('pass')
      else setHealth(finding.health, finding.detail)
      await pause(finding === undefined ? CHECK_INTERVAL : reconnect.next(0))
    }
  }

  /** Resolves when the connections in use are given back. A pool is closed once. */
  const close = (): Promise<void> => (closed ??= pool?.end() ?? Promise.resolve())
  /** Resolves when the database has closed all connections too: until then they keep a process alive. */
  const areClosed = async (): Promise<void> => {
    await close()
    await new Promise<void>(resolve => {
      const timer = after(systemClock, LINGER, resolve)
      open.untilEmpty$().subscribe({
        complete: () => {
          timer?.unsubscribe()
          resolve()
        },
      })
    })
  }
  const letGo = (): void => {
    end()
    publish(undefined)
    close().catch(() => {})
    for (const client of inUse.all()) client.end()
  }

  const hooks: ServiceHooks = {
    start: async context => {
      const { signal, info } = context
      pool = create()
      // Without listeners the loss of a connection would end the process: the pool's own for an idle connection, and
      // that of each connection while somebody uses it.
      pool.on('error', lose)
      pool.on('connect', client => {
        client.on('error', lose)
        open.take(client)
        client.once('end', () => open.release(client))
      })
      pool.on('acquire', client => inUse.take(client))
      pool.on('release', (_, client) => inUse.release(client))
      signal.addEventListener('abort', end, { once: true })
      let last: Finding | undefined
      while (!over) {
        const finding = await check()
        if (over || (finding && isRefusal(finding.error))) {
          last ??= finding
          break
        }
        if (finding === undefined) {
          signal.removeEventListener('abort', end)
          if (last !== undefined) info({ waitsFor: null })
          publish(pool)
          void watch(context)
          return
        }
        last = finding
        info({ waitsFor: finding.detail })
        await pause(reconnect.next(0))
      }
      letGo()
      throw last?.error ?? signal.reason
    },
    stop: async ({ pending, signal, info }) => {
      end()
      const counting = inUse.untilEmpty$().subscribe(pending)
      const forced = new Promise<void>(resolve => {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([areClosed(), forced])
      counting.unsubscribe()
      if (inUse.size > 0) info({ cut: inUse.size })
      letGo()
    },
  }
  return { hooks, letGo }
}
