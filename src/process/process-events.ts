import { Observable, share } from 'rxjs'

const shared = new Map<string, Observable<readonly unknown[]>>()

/**
 * The arguments of each emission of an event of the process. All subscribers of an event share one listener: Node takes
 * eleven listeners, of eleven groups, for a leak.
 */
export const processEvent = (event: string): Observable<readonly unknown[]> => {
  const known = shared.get(event)
  if (known) return known
  const emitter: NodeJS.EventEmitter = process
  const event$ = new Observable<readonly unknown[]>(out => {
    const tell = (...all: readonly unknown[]): void => out.next(all)
    emitter.on(event, tell)
    return () => void emitter.off(event, tell)
  }).pipe(share())
  shared.set(event, event$)
  return event$
}
