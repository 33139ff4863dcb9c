import { map, merge, type Observable } from 'rxjs'
import { must, refuse, show, type Whose } from '../core/options.ts'
import { processEvent } from './process-events.ts'

/** The signals that end a process by default. SIGBREAK is Ctrl-Break of Windows. */
const TERMINATION: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK']

/** The signals that no handler can be installed for. */
const UNHANDLED: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP'])

/** The signals that some platforms lack. A program for several platforms may name them on each. */
const NOT_EVERYWHERE: ReadonlySet<string> = new Set(['SIGBREAK', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'])

/**
 * Process signals as an Observable. It installs its handlers on subscription, and removes those and no others on
 * unsubscription. While subscribed, these signals do not end the process by themselves. A signal that the platform does
 * not have is never emitted.
 *
 * @param names the signals. Default `SIGTERM`, `SIGINT`, `SIGHUP` (the terminal was closed), on Windows `SIGBREAK` too.
 * @throws ServiceError `ERR_INVALID_OPTION` for a name of no signal, and for `SIGKILL` and `SIGSTOP`, which can't be
 * handled
 * @example
 * ```ts
 * const subscription = signals('SIGTERM', 'SIGHUP').subscribe(signal => console.log(signal))
 * subscription.unsubscribe()
 * ```
 */
export const signals = (...names: readonly NodeJS.Signals[]): Observable<NodeJS.Signals> =>
  merge(
    ...signalNames({ kind: 'signals()', name: '' }, names.length > 0 ? names : undefined).map(name =>
      processEvent(name).pipe(map(() => name)),
    ),
  )

/**
 * The names of signals, checked.
 *
 * @param names an empty list means none. Default: the termination signals.
 */
export const signalNames = (whose: Whose, names: unknown = TERMINATION): readonly NodeJS.Signals[] => {
  must(whose, 'signals', Array.isArray(names), "a list such as ['SIGTERM', 'SIGINT']", names)
  const known: Readonly<Record<string, number>> = process.getBuiltinModule('node:os').constants.signals
  const all = names as readonly NodeJS.Signals[]
  for (const name of all) {
    if (UNHANDLED.has(name)) refuse(whose, `no process can handle ${name}; leave it out of signals`)
    if (typeof name !== 'string' || !(Object.hasOwn(known, name) || NOT_EVERYWHERE.has(name)))
      refuse(whose, `signals names no signal: ${show(name)}; write names such as 'SIGTERM'`)
  }
  return [...new Set(all)].filter(name => Object.hasOwn(known, name))
}

/** The number of a signal, for the exit code of a process that the signal forced. */
export const signalNumber = (signal: NodeJS.Signals): number =>
  process.getBuiltinModule('node:os').constants.signals[signal]
