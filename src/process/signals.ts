import { Observable } from 'rxjs'

/** What a process is told to end with, unless you say otherwise. */
export const TERMINATION: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']

/**
 * Process signals as an Observable. Handlers are installed on subscription and removed on unsubscription, its own and
 * no others; while subscribed, these signals no longer end the process by themselves.
 *
 * @param names which signals. Default `SIGTERM` and `SIGINT`.
 * @example
 * ```ts
 * const subscription = signals('SIGTERM', 'SIGHUP').subscribe(signal => console.log(signal))
 * subscription.unsubscribe()
 * ```
 */
export const signals = (...names: readonly NodeJS.Signals[]): Observable<NodeJS.Signals> =>
  new Observable(out => {
    const chosen = names.length > 0 ? names : TERMINATION
    const tell = (signal: NodeJS.Signals): void => out.next(signal)
    for (const name of chosen) process.on(name, tell)
    return () => {
      for (const name of chosen) process.off(name, tell)
    }
  })
