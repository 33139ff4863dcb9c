import { Observable, share } from 'rxjs'

const shared = new Map<string, Observable<readonly unknown[]>>()
const listening = new Set<string>()

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
    listening.add(event)
    return () => {
      listening.delete(event)
      emitter.off(event, tell)
    }
  }).pipe(share())
  shared.set(event, event$)
  return event$
}

/** How many listeners an event of the process has, without the one of `processEvent`. */
export const otherListeners = (event: string): number => process.listenerCount(event) - (listening.has(event) ? 1 : 0)
