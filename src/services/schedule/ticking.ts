import { filter, firstValueFrom, Subject, type Subscription, startWith, tap } from 'rxjs'
import { after, type Clock, systemClock, wallTime } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import type { Hooks } from '../../core/hooks/hook-calls.ts'
import { errorLine } from '../../core/text/error-text.ts'
import { countdown$ } from '../common/in-flight.ts'
import { makeInside } from '../common/inside.ts'
import { type Outcome, runTick, type Tick } from './run-tick.ts'
import { afterSetBack, type Timetable } from './timetable.ts'

/** The fate of a run that is due while the one before still runs. */
export type Overlap = 'skip' | 'replace' | 'allow'

export interface Settings {
  readonly timetable: Timetable
  readonly overlap: Overlap
  readonly clock: Clock
}

/** The longest sleep, in ms: so soon it is noticed that the clock was set, or that the machine slept. */
const LONGEST_SLEEP = 1_000
/** The same of a clock that was given: a test that passes over a year should not wake up each second of it. */
const LONGEST_SLEEP_GIVEN = 30_000

const iso = (time: number | undefined): string | null => (time === undefined ? null : new Date(time).toISOString())

/** One life of a schedule: its main part lasts until there is nothing left to run, or until it is told to stop. */
export const ticking = (tick: Tick, { timetable, overlap, clock }: Settings): Hooks => {
  const inside = makeInside()
  const runs = new Set<AbortController>()
  /** Runs have begun or ended, or what is due has changed. */
  const changed$ = new Subject<void>()
  let timer: Subscription | undefined
  let due: number | undefined
  /** When the last run was due. */
  let last: number | undefined
  /** The run that waits for the one it replaces to be gone. */
  let replacement: number | undefined
  let leaving = false
  let skipped = 0
  let told = ''
  let failing = false

  const leave = () => {
    leaving = true
    replacement = undefined
    timer?.unsubscribe()
  }
  const abortRuns = () => {
    for (const run of [...runs]) run.abort()
  }

  const now = () => wallTime(clock)
  const longestSleep = clock === systemClock ? LONGEST_SLEEP : LONGEST_SLEEP_GIVEN

  const sleepUntil = (at: number | undefined, context: ServiceContext): void => {
    due = at
    if (at === undefined) return
    const asleepAt = now()
    timer = after(clock, Math.min(Math.max(at - asleepAt, 0), longestSleep), () => {
      if (now() < asleepAt) return onSetBack(context)
      if (now() < at) return sleepUntil(at, context)
      last = at
      // All that came due while the event loop was blocked is one run.
      sleepUntil(timetable(now()), context)
      onDue(at, context)
      changed$.next()
    })
  }

  const onSetBack = (context: ServiceContext): void => {
    const before = due
    sleepUntil(afterSetBack(timetable, now(), last), context)
    if (due !== before) context.info({ nextRun: iso(due) })
    changed$.next()
  }

  const onDue = (at: number, context: ServiceContext) => {
    if (runs.size === 0 || overlap === 'allow') return begin(at, context)
    if (overlap === 'skip') return context.info({ nextRun: iso(due), skipped: ++skipped })
    replacement = at
    abortRuns()
  }

  const begin = (at: number, context: ServiceContext) => {
    context.info({ nextRun: iso(due), lastRun: iso(now()) })
    // A listener of this may end the service.
    if (leaving) return
    const run = new AbortController()
    runs.add(run)
    const onEnd = (outcome: Outcome) => {
      runs.delete(run)
      tell(outcome, context)
      if (outcome.how === 'failed') context.workFailed(`run of ${iso(at)}`, outcome.error)
      const next = replacement
      if (next !== undefined && runs.size === 0) {
        replacement = undefined
        begin(next, context)
      }
      changed$.next()
    }
    inside(
      () => runs.has(run),
      () => runTick(tick, { signal: run.signal, scheduledAt: new Date(at) }, onEnd),
    )
  }

  /** Only what is new, so that a schedule that is well says one thing for each run. */
  const tell = (outcome: Outcome, { info, setHealth }: ServiceContext) => {
    const failure = outcome.how === 'failed' ? { lastFailure: errorLine(errorInfo(outcome.error)) } : undefined
    const news = { lastOutcome: outcome.how, ...failure }
    if (JSON.stringify(news) === told) return
    told = JSON.stringify(news)
    info(news)
    if (failure) setHealth('warn', failure.lastFailure)
    else if (outcome.how === 'ok' && failing) setHealth('pass')
    failing = failure !== undefined || (failing && outcome.how !== 'ok')
  }

  return {
    start: ({ info }) => {
      due = timetable(now())
      info({ nextRun: iso(due) })
    },
    main: context => {
      const { signal } = context
      const isOver = () => runs.size === 0 && (signal.aborted || (due === undefined && !leaving))
      signal.addEventListener('abort', () => {
        leave()
        abortRuns()
        changed$.next()
      })
      sleepUntil(due, context)
      return firstValueFrom(changed$.pipe(startWith(undefined), filter(isOver)))
    },
    drain: ({ pending }) => {
      leave()
      return countdown$(changed$, () => runs.size).pipe(tap(pending))
    },
  }
}
