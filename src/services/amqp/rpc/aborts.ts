/** Listens to the signals of requests. Calls back once when the signal fires, unless it is stopped before. */
export type OnAbort = (signal: AbortSignal, callback: () => void) => () => void

/** One listener a signal, however many requests have it: Node.js takes 11 listeners at one signal for a leak. */
export const listenToAborts = (): OnAbort => {
  const callbacksOf = new Map<AbortSignal, Set<() => void>>()
  const fire = ({ target }: Event) => {
    for (const callback of [...(callbacksOf.get(target as AbortSignal) ?? [])]) callback()
  }
  return (signal, callback) => {
    const callbacks = callbacksOf.get(signal) ?? new Set()
    if (callbacks.size === 0) {
      callbacksOf.set(signal, callbacks)
      signal.addEventListener('abort', fire)
    }
    callbacks.add(callback)
    return () => {
      if (!callbacks.delete(callback) || callbacks.size > 0) return
      callbacksOf.delete(signal)
      signal.removeEventListener('abort', fire)
    }
  }
}
