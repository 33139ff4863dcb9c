import { AsyncSubject, defaultIfEmpty, defer, finalize, ignoreElements, map, Observable, retry, switchMap } from 'rxjs'
import { timer } from '../../core/clock.ts'
import { asServiceError } from '../../core/errors.ts'
import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import type { Hooks } from '../../core/hooks/hook-calls.ts'
import { follow, type HookResult } from '../../core/hooks/hook-result.ts'
import { callable, must } from '../../core/options.ts'
import { checkName, hooked, type Service } from '../../core/service.ts'
import type { Info, StopReason } from '../../core/state.ts'
import { currentWork, type Work } from '../../core/work.ts'
import { passLineOn } from '../../process/console-lines.ts'
import { passOn, type RemoteStep, type RemoteWord, wordOf } from './remote-words.ts'

/** Which of its two streams a line of output came from. */
export type OutputStream = 'stdout' | 'stderr'

/** Options that all services share whose code runs in another thread or process. */
export interface RemoteOptions<Handle> {
  /**
   * When it is running. `'message'`: when it says so, with the message `'ready'` or `{ service: 'ready' }`. A regular
   * expression: when a line of its output matches. A function is asked again and again, 100 ms after its last answer,
   * until it settles well and not with `false`; its signal fires when nobody waits for it any more. Bounded by
   * `startTimeout`. Default: as soon as a thread has loaded its file, or a process has been spawned.
   */
  readonly ready?: 'message' | RegExp | ((context: { readonly signal: AbortSignal }) => HookResult | boolean)
  /** Is given each incarnation as Node knows it, before it has said anything: to talk with it. */
  readonly attach?: (handle: Handle) => void
  /**
   * Is given each line it writes; one of more than 64 kB comes as several. Default: written to the same stream of this
   * process, as `name | line`. What returns `false`, as `write` does, says that no more should come for now: nothing
   * more is read until the standard streams of this process have room again.
   */
  readonly output?: (line: string, from: OutputStream) => void
}

/** One incarnation of what runs elsewhere, in the hands of who started it. */
export interface Remote<Handle> {
  readonly handle: Handle
  readonly info: Info
  /** Settles, and never rejects, when it is gone and all it had to say is heard: with an error if it went wrong. */
  readonly gone: Promise<Error | undefined>
  readonly tell: (step: RemoteStep) => void
  /** Asks it to end; `hears`: it has said that it wants to be told. */
  readonly stop: (reason: StopReason, hears: boolean) => void
  /** Ends it now. Does nothing once it is gone. */
  readonly kill: () => void
}

/** The listener for messages from there. */
export interface Ear {
  readonly up: () => void
  readonly message: (message: unknown) => void
  /** `false`: no more for now. */
  readonly line: (line: string, from: OutputStream) => unknown
}

/** A probe that has said no is asked again after so many milliseconds. */
const PROBE_EVERY = 100

/** A service whose code runs elsewhere, in a thread or a process that `open` starts. */
export const remote = <Handle, Name extends string>(
  name: Name,
  options: RemoteOptions<Handle>,
  open: (ear: Ear) => Remote<Handle>,
): Service<Name> => {
  checkOptions(checkName(name), options)
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const { hooks, letGo } = remoteLife(name, options, open)
        return hooked(name, hooks).lifecycle(shutdown$).pipe(finalize(letGo))
      }),
  }
}

const checkOptions = (name: string, { ready, attach, output }: RemoteOptions<never>): void => {
  const goodReady = ready === undefined || ready === 'message' || ready instanceof RegExp || typeof ready === 'function'
  must(name, 'ready', goodReady, '"message", a regular expression for a line of output, or a function', ready)
  for (const [option, value] of Object.entries({ attach, output }))
    if (value !== undefined) callable(name, option, value)
}

/** One life. `letGo` ends what is left of it, whatever has happened before. */
const remoteLife = <Handle>(
  name: string,
  { ready, attach, output }: RemoteOptions<Handle>,
  open: (ear: Ear) => Remote<Handle>,
): { readonly hooks: Hooks; readonly letGo: () => void } => {
  const up$ = new AsyncSubject<never>()
  const saidReady$ = new AsyncSubject<never>()
  const matched$ = new AsyncSubject<never>()
  const drained$ = new AsyncSubject<never>()
  let far: Remote<Handle> | undefined
  let context: ServiceContext
  /** The start of the service: what is printed there is printed by the service. */
  let work: Work | undefined
  let drains = false
  let drainTold = false
  let hearsStop = false
  let asked = false
  let notReadyBecause: unknown

  const onWord = (word: RemoteWord) => {
    if (word.service === 'starting' || word.service === 'ready') {
      drains ||= word.drain === true
      hearsStop ||= word.stop === true
      if (word.service === 'ready') saidReady$.complete()
    } else if (word.service === 'drained') drained$.complete()
    else passOn(word, context)
  }
  const ear: Ear = {
    up: () => up$.complete(),
    message: message => {
      const word = wordOf(message)
      if (word) onWord(word)
    },
    line: (line, stream) => {
      // `search` has no memory, whatever the flags.
      if (ready instanceof RegExp && line.search(ready) >= 0) matched$.complete()
      return passLineOn(work, stream, line, () => output?.(line, stream))
    },
  }

  const probe$ = (probe: Exclude<typeof ready, 'message' | RegExp | undefined>): Observable<never> =>
    defer(() => {
      const controller = new AbortController()
      return defer(() => settled(probe({ signal: controller.signal }))).pipe(finalize(() => controller.abort()))
    }).pipe(
      map(answer => {
        if (answer === false) throw new Error('asked whether it is ready, the answer was false')
      }),
      retry({
        delay: error => {
          notReadyBecause = error
          return timer(PROBE_EVERY)
        },
      }),
      ignoreElements(),
    )

  const isReady$ = (): Observable<never> => {
    if (ready === undefined) return up$
    if (ready === 'message') return saidReady$
    if (ready instanceof RegExp) return matched$
    return up$.pipe(
      defaultIfEmpty(undefined),
      switchMap(() => probe$(ready)),
    )
  }

  const ask = (reason: StopReason | undefined) => {
    if (asked) return
    asked = true
    far?.stop(reason ?? { by: 'call' }, hearsStop)
  }
  /** Settles when it is gone. */
  const over = async (): Promise<void> => {
    const error = await far?.gone
    if (error) throw asked ? asServiceError('ERR_STOP_FAILED', name, 'stop failed', error) : error
  }

  const drain = ({ reason }: Pick<ServiceContext, 'reason'>): Observable<never> => {
    drainTold = true
    if (reason) far?.tell({ service: 'drain', reason })
    return drained$
  }
  /** A service that was not told to drain is told now. */
  const leave = ({ reason }: ServiceContext) => {
    if (!drains || drainTold) ask(reason)
    else drain({ reason }).subscribe({ complete: () => ask(reason) })
  }

  const start = (given: ServiceContext): Promise<void> =>
    new Promise((resolve, reject) => {
      context = given
      work = currentWork()
      const { signal } = given
      far = open(ear)
      const { gone, handle, info, kill } = far
      given.info(info)
      try {
        attach?.(handle)
      } catch (error) {
        kill()
        return void gone.then(() => reject(error))
      }
      const waiting = isReady$().subscribe({ error: reject, complete: resolve })
      const cancel = () => {
        waiting.unsubscribe()
        ask(given.reason)
      }
      signal.addEventListener('abort', cancel, { once: true })
      if (signal.aborted) cancel()
      const tooSoon = () => {
        waiting.unsubscribe()
        if (!asked) reject(new Error('it ended before it was ready'))
        // A start that timed out is named after what kept it.
        else reject(given.reason?.by === 'call' ? signal.reason : (notReadyBecause ?? signal.reason))
      }
      over().then(tooSoon, error => {
        waiting.unsubscribe()
        reject(error)
      })
    })

  return {
    letGo: () => far?.kill(),
    hooks: {
      start,
      main: given => {
        context = given
        const { signal } = given
        signal.addEventListener('abort', () => leave(given), { once: true })
        if (signal.aborted) leave(given)
        return over()
      },
      // A service that has not said that it drains has nothing to drain, and no use for this step.
      unready: ({ reason }) => {
        if (drains && reason) far?.tell({ service: 'unready', reason })
      },
      get drain() {
        return drains ? drain : undefined
      },
      // Called when it came up as it was asked to end, so that there is no main.
      stop: ({ reason }) => {
        ask(reason)
        return over()
      },
      force: () => far?.kill(),
    },
  }
}

/** The result of `ready`, as an Observable of its last value. */
const settled = (result: HookResult | boolean): Observable<unknown> =>
  new Observable(out => {
    const cancel = follow(result, {
      done: last => {
        out.next(last)
        out.complete()
      },
      failed: error => out.error(error),
    })
    return () => void cancel?.()
  })
