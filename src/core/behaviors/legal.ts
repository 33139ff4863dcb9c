import { from, isObservable, Observable, Subscription } from 'rxjs'
import { boundedTexts } from '../bounded.ts'
import { errorInfo, serviceError } from '../errors.ts'
import { isInteropObservable } from '../hooks/instead.ts'
import { isRecord, show } from '../options.ts'
import { isHooked, type Service } from '../service.ts'
import { canFollow, HEALTHS, isFinal, type Phase, type ServiceState, transitions } from '../state.ts'

/**
 * Holds a lifecycle that was written by hand to the rules. A value that is no state, or that can't follow the state
 * before, is a failure that names it, and the lifecycle is unsubscribed. Values after its end are passed over. Long
 * texts are cut, as those of hooks are.
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
                out.error(serviceError('ERR_ILLEGAL_STATE', name, `its lifecycle ${wrong}`))
                return life.unsubscribe()
              }
              phase = state.phase
              out.next(boundedState(state))
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
  if (isRecord(given) && isInteropObservable(given)) return from(lifecycle)
  throw serviceError('ERR_ILLEGAL_STATE', name, `lifecycle() must return an Observable of states, got ${show(given)}`)
}

const boundedState = (given: ServiceState): ServiceState => {
  const state = boundedTexts(given)
  const info = state.info && boundedTexts(state.info)
  const error = 'error' in state && state.error ? errorInfo(state.error) : undefined
  if (info === state.info && error === undefined) return state
  return { ...state, ...(info && { info }), ...(error && { error }) } as ServiceState
}

const ENDINGS: readonly unknown[] = ['ended', 'stopped', 'forced', 'abandoned']

/** Why a value is no legal state after the phase before, if it is not. */
const wrongWith = (state: ServiceState, before: Phase): string | undefined => {
  if (!isRecord(state)) return `said ${show(state)}, which is no state; say { phase: 'running', health: 'pass' }, ...`
  const { phase } = state
  if (!Object.hasOwn(transitions, phase))
    return `said the unknown phase ${show(phase)}; known are ${Object.keys(transitions).join(', ')}`
  // A lifecycle may leave out `starting`.
  if (!canFollow(before, phase) && !(before === 'idle' && (canFollow('starting', phase) || isFinal(state))))
    return `said "${phase}" after "${before}"; what can follow is ${transitions[before].join(', ')}`
  const lacks = (what: string): string => `said "${phase}" ${what}`
  if (phase === 'running' && !HEALTHS.includes(state.health))
    return lacks(`with health ${show(state.health)}; known are ${HEALTHS.join(', ')}`)
  if ((phase === 'draining' || phase === 'stopping') && !isRecord(state.reason))
    return lacks('without a reason; give the reason of the step that was told')
  if (phase === 'waiting' && !Array.isArray(state.for))
    return lacks('without the names it waits for; give them as `for`')
  if ((phase === 'failed' || phase === 'backoff') && !isRecord(state.error))
    return lacks('without an error; give an ErrorInfo')
  if (phase === 'stopped' && !ENDINGS.includes(state.how))
    return lacks(`with how ${show(state.how)}; known are ${ENDINGS.join(', ')}`)
  return undefined
}
