import { from, isObservable, Observable, Subscription } from 'rxjs'
import { ServiceError } from '../errors.ts'
import { isInteropObservable } from '../hooks/instead.ts'
import { show } from '../options.ts'
import { isHooked, type Service } from '../service.ts'
import { canFollow, HEALTHS, isFinal, type Phase, type ServiceState, transitions } from '../state.ts'

/**
 * A lifecycle that was written by hand, held to the rules: what is no state, or can't follow the one before, is a
 * failure that names it, and nothing more is heard of that lifecycle. What comes after its end is passed over.
 */
export const legal = <Name extends string>(service: Service<Name>): Service<Name> => {
  if (isHooked(service)) return service
  const { name } = service
  return {
    name,
    lifecycle: shutdown$ =>
      new Observable(out => {
        let phase: Phase = 'idle'
        const life = new Subscription()
        out.add(life)
        life.add(
          observed(name, service.lifecycle(shutdown$)).subscribe({
            next: state => {
              if (phase === 'stopped' || phase === 'failed') return
              const wrong = wrongWith(state, phase)
              if (wrong) {
                out.error(new ServiceError('ERR_ILLEGAL_STATE', name, `service "${name}": its lifecycle ${wrong}`))
                return life.unsubscribe()
              }
              phase = state.phase
              out.next(state)
            },
            error: error => out.error(error),
            complete: () => out.complete(),
          }),
        )
      }),
  }
}

const observed = (name: string, lifecycle: Observable<ServiceState>): Observable<ServiceState> => {
  if (isObservable(lifecycle)) return lifecycle
  const given: unknown = lifecycle
  if (typeof given === 'object' && given !== null && isInteropObservable(given)) return from(lifecycle)
  const what = `service "${name}": lifecycle() must return an Observable of states, got ${show(given)}`
  throw new ServiceError('ERR_ILLEGAL_STATE', name, what)
}

const ENDINGS: readonly unknown[] = ['ended', 'stopped', 'forced', 'abandoned']

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Why a state can't be said, if it can't. */
const wrongWith = (state: ServiceState, before: Phase): string | undefined => {
  if (!isObject(state)) return `said ${show(state)}, which is no state; say { phase: 'running', health: 'pass' }, ...`
  const { phase } = state
  if (!Object.hasOwn(transitions, phase))
    return `said the unknown phase ${show(phase)}; known are ${Object.keys(transitions).join(', ')}`
  // It may leave out that it is starting.
  if (!canFollow(before, phase) && !(before === 'idle' && (canFollow('starting', phase) || isFinal(state))))
    return `said "${phase}" after "${before}"; what can follow is ${transitions[before].join(', ')}`
  const lacks = (what: string): string => `said "${phase}" ${what}`
  if (phase === 'running' && !HEALTHS.includes(state.health)) return lacks(`with health ${show(state.health)}`)
  if ((phase === 'draining' || phase === 'stopping') && !isObject(state.reason)) return lacks('without a reason')
  if (phase === 'waiting' && !Array.isArray(state.for)) return lacks('without the names it waits for')
  if ((phase === 'failed' || phase === 'backoff') && !isObject(state.error)) return lacks('without an error')
  if (phase === 'stopped' && !ENDINGS.includes(state.how)) return lacks(`with how ${show(state.how)}`)
  return undefined
}
