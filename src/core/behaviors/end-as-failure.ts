import { Observable } from 'rxjs'
import { serviceError } from '../errors.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import { hasEnded, isFinal, type ServiceState } from '../state.ts'

/** Makes an end that no shutdown step asked for a failure. A service that its own caller stopped has not ended so. */
export const endAsFailure = <Name extends string>(service: Service<Name>): Service<Name> => {
  const { name } = service
  return {
    name,
    lifecycle: shutdown$ =>
      new Observable(out => {
        let isAsked = false
        /** The end that the service told. It is passed on when the service is gone, if it was asked to end by then. */
        let ended: ServiceState | undefined
        let isSilent = true
        const steps = listen(shutdown$, {
          next: () => {
            isAsked = true
          },
        })
        const life = listen(service.lifecycle(shutdown$), {
          next: state => {
            isSilent = !isFinal(state)
            if (hasEnded(state)) ended = state
            else out.next(state)
          },
          error: error => out.error(error),
          complete: () => {
            if (!isAsked && (ended || isSilent)) return out.error(serviceError('ERR_SERVICE_FAILED', name, ENDED))
            if (ended) out.next(ended)
            out.complete()
          },
        })
        return () => {
          steps.unsubscribe()
          life.unsubscribe()
        }
      }),
  }
}

const ENDED = 'ended by itself; let it run until it is stopped, or choose another onEnd than "fail"'
