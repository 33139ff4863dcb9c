import { Observable, tap, throwError } from 'rxjs'
import { type Clock, systemClock } from '../core/clock.ts'
import type { ServiceContext } from '../core/hooks/hook-call.ts'
import { known, namesOf } from '../core/options.ts'
import { type Service, service } from '../core/service.ts'
import type { Health, Info, StopReason } from '../core/state.ts'
import { type Conduct, type FakeHook, fakeHook, type HookName } from './fake-hook.ts'

/** The conduct of the hooks of a fake; see `Conduct`. `will()` changes it later. */
export interface FakeOptions extends Readonly<Partial<Record<HookName, Conduct>>> {
  /** The conduct of all other hooks. Default `'returns'`. */
  readonly otherwise?: Conduct
  /**
   * The kind of results that the hooks return: promises for virtual time, Observables for RxJS' TestScheduler. Default
   * `'promise'`.
   */
  readonly returns?: 'promise' | 'observable'
  /** The clock of a hook that takes a number of milliseconds. Default: the system's. */
  readonly clock?: Clock
  /** Each hook call is added here as `db stop`. Several fakes may share a list, which then shows their order. */
  readonly log?: string[]
}

const OPTIONS = namesOf<FakeOptions>({
  start: true,
  unready: true,
  drain: true,
  stop: true,
  force: true,
  otherwise: true,
  returns: true,
  clock: true,
  log: true,
})

/** A hook call of a fake. */
export interface Asked {
  readonly hook: HookName
  /** Why the fake is to end. Left out before that. */
  readonly reason?: StopReason
}

/** A service that a test controls. */
export interface FakeService<Name extends string = string> extends Service<Name> {
  readonly start: FakeHook
  readonly unready: FakeHook
  readonly drain: FakeHook
  readonly stop: FakeHook
  readonly force: FakeHook
  /** All hook calls, in order. */
  readonly asked: readonly Asked[]
  /** Whether the fake serves: from the end of its start until `stop` or `force` is called, or it fails. */
  ping(): 'pong' | 'no answer'
  /** Whether the fake is still there: from its start until it is gone, also after a group has abandoned it. */
  readonly alive: boolean
  /** How often the fake was started. */
  readonly starts: number
  /** The fake ends by itself, without an error. @throws Error when it is not there */
  end(): void
  /** The fake fails. @throws Error when it is not there */
  die(error?: unknown): void
  setHealth(health: Health, detail?: string): void
  pending(count: number): void
  info(particulars: Info): void
  /** The fake gives a sign of life. @throws Error when it is not there */
  heartbeat(): void
}

/**
 * A service for tests. It does only what the test tells it, remembers its hook calls, and answers a ping only while it
 * serves. A start while the fake is still there throws in the group. RxJS reports that error as uncaught too, so the
 * test fails even when the group catches it.
 *
 * @throws ServiceError `ERR_INVALID_NAME`
 * @example
 * ```ts
 * const db = fakeService('db', { start: 'waits' })
 * const group = serviceGroup('shop').add(db)
 * const started = group.start()
 * console.log(db.ping()) // no answer
 * db.start.succeed()
 * await started
 * console.log(db.ping()) // pong
 * await group.stop('done')
 * console.log(db.asked.map(({ hook }) => hook)) // [ 'start', 'unready', 'drain', 'stop' ]
 * ```
 */
export const fakeService = <const Name extends string>(name: Name, options: FakeOptions = {}): FakeService<Name> => {
  known(name, options, OPTIONS)
  const { otherwise = 'returns', returns = 'promise', clock = systemClock, log } = options
  const asked: Asked[] = []
  let context: ServiceContext | undefined
  let leave: (() => void) | undefined
  let starts = 0
  let alive = false
  let serving = false

  const gone = (): void => {
    alive = false
    serving = false
  }
  const hook = (which: HookName, settled: (well: boolean) => void) =>
    fakeHook(
      {
        label: `${name}: ${which}`,
        clock,
        returns,
        called: ctx => {
          context = ctx
          if (which === 'stop' || which === 'force') serving = false
          asked.push({ hook: which, ...(ctx.reason && { reason: ctx.reason }) })
          log?.push(`${name} ${which}`)
        },
        settled,
      },
      options[which] ?? otherwise,
    )
  const hooks = {
    start: hook('start', well => {
      if (well) serving = alive
      else gone()
    }),
    unready: hook('unready', () => undefined),
    drain: hook('drain', () => undefined),
    stop: hook('stop', gone),
    force: hook('force', () => undefined),
  }
  const inner = service(
    name,
    Object.fromEntries(Object.entries(hooks).flatMap(([which, { hook, absent }]) => (absent ? [] : [[which, hook]]))),
  )

  const there = (): ServiceContext => {
    if (!alive || !context) throw new Error(`${name} is not there: it has not been started, or is gone`)
    return context
  }

  return {
    name,
    lifecycle: shutdown$ =>
      new Observable(out => {
        if (alive) throw misuse(`${name} was started while it was still there`)
        alive = true
        starts++
        let isLeaving = false
        let info: Info | undefined
        const steps$ = shutdown$.pipe(
          tap(() => {
            isLeaving = true
          }),
        )
        leave = () => {
          gone()
          out.next({ phase: 'stopped', how: isLeaving ? 'stopped' : 'ended', ...(info && { info }) })
          out.complete()
        }
        return inner
          .lifecycle(steps$)
          .pipe(
            tap({
              next: state => {
                info = state.info
              },
              error: gone,
              complete: gone,
            }),
          )
          .subscribe(out)
      }),
    start: hooks.start.control,
    unready: hooks.unready.control,
    drain: hooks.drain.control,
    stop: hooks.stop.control,
    force: hooks.force.control,
    asked,
    ping: () => (serving ? 'pong' : 'no answer'),
    get alive() {
      return alive
    },
    get starts() {
      return starts
    },
    end() {
      there()
      leave?.()
    },
    die(error = new Error(`${name} died`)) {
      const { fail } = there()
      gone()
      fail(error)
    },
    setHealth: (health, detail) => there().setHealth(health, detail),
    pending: count => there().pending(count),
    info: particulars => there().info(particulars),
    heartbeat: () => there().heartbeat(),
  }
}

/** An error to throw, which RxJS also reports as uncaught. */
const misuse = (message: string): Error => {
  const error = new Error(message)
  throwError(() => error).subscribe()
  return error
}
