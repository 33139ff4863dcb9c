import { merge, type Observable, Subject, Subscription, take } from 'rxjs'
import type { StopReason } from '../core/state.ts'
import { clusterDisconnect$ } from './cluster.ts'
import { hasPm2AsParent, pm2Shutdown$ } from './pm2.ts'
import { processEvent } from './process-events.ts'
import { signals } from './signals.ts'

/**
 * A signal repeats the first request when it arrives within so many milliseconds. npm, tsx, nodemon, `node --watch`,
 * concurrently and process groups deliver one Ctrl-C two or three times, 2 to 80 ms apart.
 */
const REPEATS = 500

/** The requests from outside to end the process. The first begins a shutdown. A signal after its repeats forces it. */
export class EndRequests {
  readonly #names: readonly NodeJS.Signals[]
  readonly #first$ = new Subject<StopReason>()
  readonly #force$ = new Subject<StopReason>()
  readonly #over$ = new Subject<void>()
  readonly #all = new Subscription()
  #repeats: 'none' | 'expected' | 'over' = 'none'
  #forcedBy: NodeJS.Signals | undefined

  /** Begins to listen. */
  constructor(names: readonly NodeJS.Signals[]) {
    this.#names = names
    if (names.length > 0) this.#all.add(signals(...names).subscribe(signal => this.#onSignal(signal)))
    this.#all.add(clusterDisconnect$.subscribe(() => this.#onFirst({ by: 'signal', signal: 'disconnect' })))
    if (hasPm2AsParent())
      this.#all.add(pm2Shutdown$.subscribe(() => this.#onFirst({ by: 'signal', signal: 'shutdown' })))
  }

  /** The request that begins a shutdown. Emits once. */
  get first$(): Observable<StopReason> {
    return this.#first$
  }

  get force$(): Observable<StopReason> {
    return this.#force$
  }

  get forcedBy(): NodeJS.Signals | undefined {
    return this.#forcedBy
  }

  #onSignal(signal: NodeJS.Signals): void {
    const reason = { by: 'signal', signal } as const
    if (this.#repeats === 'none') return this.#onFirst(reason)
    if (this.#repeats === 'expected') return
    this.#forcedBy ??= signal
    this.#force$.next(reason)
  }

  #onFirst(reason: StopReason): void {
    if (this.#repeats !== 'none') return
    this.#repeats = 'expected'
    const timer = setTimeout(() => {
      // While the event loop is blocked signals wait, and timers run before them. An immediate runs after both.
      setImmediate(() => {
        this.#repeats = 'over'
        this.#over$.next()
      })
    }, REPEATS).unref()
    this.#all.add(() => clearTimeout(timer))
    this.#first$.next(reason)
  }

  /**
   * Stops listening once no repeat can come. Without a handler a repeat would end the process at once, with an exit
   * code that is not ours. A process that has nothing left to do does not wait for that.
   *
   * @param exits the process ends by itself when it has nothing left to do
   */
  async close(exits: boolean): Promise<void> {
    if (this.#repeats === 'expected')
      await new Promise<void>(resolve => {
        this.#all.add(
          merge(this.#over$, processEvent('beforeExit'))
            .pipe(take(1))
            .subscribe(() => resolve()),
        )
      })
    const early = this.#repeats === 'expected'
    this.#all.unsubscribe()
    if (early && exits) ignoreUntilExit(this.#names)
  }
}

const ignored = new Set<NodeJS.Signals>()
const ignore = (): void => {}

/**
 * Keeps signals from ending a process that is about to exit by itself, since its own exit code counts. Handlers are
 * installed at the next tick, so that the caller of `run()` finds none of ours.
 */
const ignoreUntilExit = (names: readonly NodeJS.Signals[]): void => {
  const added = names.filter(name => !ignored.has(name))
  for (const name of added) {
    ignored.add(name)
    // This event makes Node handle the signal, also without a listener.
    ;(process as NodeJS.EventEmitter).emit('newListener', name, ignore)
  }
  const first = added.length === ignored.size
  process.nextTick(() => {
    for (const name of added) process.on(name, ignore)
    if (first) exitWithHandlers()
  })
}

/** Node removes its handlers 10 to 60 ms before the process is gone, but not on `process.exit()`. */
const exitWithHandlers = (): void => {
  const exit = (): void => {
    if (process.listeners('exit').at(-1) === exit) process.exit()
  }
  process.on('exit', exit)
  setTimeout(() => {
    process.off('exit', exit)
    for (const name of ignored) process.off(name, ignore)
    ignored.clear()
  }, REPEATS).unref()
}
