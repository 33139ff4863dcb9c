import { parentPort } from 'node:worker_threads'
import { isError, ServiceError } from '../../core/errors.ts'
import { refuse } from '../../core/options.ts'
import { type Service, type Startable, toService } from '../../core/service.ts'
import type { ServiceState } from '../../core/state.ts'
import { ShutdownSteps } from '../../core/steps.ts'
import { type RemoteWord, stepOf } from '../common/remote-words.ts'

/**
 * Makes a service, or a whole group, the life of this worker thread: it starts now, and is told to drain and to stop
 * when the `worker` on the other side is. That shows its health, what is pending, its info and its heartbeats. The
 * thread ends by itself when the service is gone and nothing else is left in it.
 *
 * @returns settles when the service is running, so `await` it at the top level of the thread's file; rejects with what
 * its start failed with. One that fails later ends the thread.
 * @throws ServiceError `ERR_INVALID_OPTION` in the main thread, `ERR_NOT_A_SERVICE`, `ERR_INVALID_NAME`
 * @example
 * ```ts
 * import { isMainThread } from 'node:worker_threads'
 * import { inThread } from 'rx-service-group/worker'
 *
 * const resizer = service('resizer', { start: () => console.log('warm'), drain: () => console.log('last image done') })
 * if (!isMainThread) await inThread(resizer)
 * ```
 */
export const inThread = async (service: Service | Startable): Promise<void> => {
  const inner = toService(service)
  if (!parentPort)
    return refuse(inner.name, 'inThread() is for worker threads, and this is none; guard it with isMainThread')
  const port = parentPort
  let state: ServiceState = { phase: 'idle' }

  const say = (word: RemoteWord) => port.postMessage(word)
  const level = new ShutdownSteps({
    extend: ms => say({ service: 'extend', ms }),
    beat: () => say({ service: 'heartbeat' }),
  })
  const onMessage = (message: unknown) => {
    const step = stepOf(message)
    if (!step) return
    level.raise({ step: step.service, reason: step.reason })
    // Nothing to drain.
    if (step.service === 'drain' && state.phase !== 'draining') say({ service: 'drained' })
  }
  port.on('message', onMessage)
  say({ service: 'starting', drain: true, stop: true })

  await new Promise<void>((resolve, reject) => {
    inner.lifecycle(level).subscribe({
      next: now => {
        for (const word of wordsFor(state, now)) say(word)
        state = now
        if (now.phase === 'running') resolve()
      },
      error: error => {
        port.off('message', onMessage)
        const was = state.phase
        // Heard only by who still waits for the start.
        reject(within(error))
        if (was !== 'starting' && was !== 'idle')
          queueMicrotask(() => {
            throw within(error)
          })
      },
      complete: () => {
        port.off('message', onMessage)
        resolve()
      },
    })
  })
}

/** Words for the changes of a state. */
const wordsFor = (before: ServiceState, now: ServiceState): readonly RemoteWord[] => {
  const words: RemoteWord[] = []
  if (now.info && now.info !== before.info) words.push({ service: 'info', info: now.info })
  if ('pending' in now && now.pending !== undefined) words.push({ service: 'pending', count: now.pending })
  if (now.phase === 'drained') words.push({ service: 'drained' })
  if (now.phase !== 'running') return words
  const { health, detail } = now
  const [healthBefore, detailBefore] = before.phase === 'running' ? [before.health, before.detail] : ['pass']
  if (health !== healthBefore || detail !== detailBefore)
    words.push({ service: 'health', health, ...(detail !== undefined && { detail }) })
  if (before.phase !== 'running') words.push({ service: 'ready' })
  return words
}

/** The other side says anew which service it is. */
const within = (error: unknown): unknown =>
  error instanceof ServiceError && error.errors.length === 0 && isError(error.cause) ? error.cause : error
