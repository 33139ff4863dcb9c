import type { Cluster, Worker } from 'node:cluster'
import { Observable } from 'rxjs'

/**
 * Emits when the cluster asks this worker to leave: `worker.disconnect()` was called here or in the primary, or the
 * primary is gone. It emits before the cluster closes the worker's servers. Outside a cluster it never emits.
 */
export const clusterDisconnect$: Observable<void> = new Observable(out => {
  const worker = clusterWorker()
  if (!worker) return
  let leaving = worker.exitedAfterDisconnect
  const define = (property: PropertyDescriptor): void => {
    Object.defineProperty(worker, 'exitedAfterDisconnect', { configurable: true, enumerable: true, ...property })
  }
  // The cluster sets this property first on `disconnect()`. No event comes so early.
  define({
    get: () => leaving,
    set: (value: boolean) => {
      leaving = value
      if (value) out.next()
    },
  })
  // Node ends a worker that lost its primary at once, unless the worker is leaving already.
  const onLost = (): void => {
    worker.exitedAfterDisconnect = true
  }
  process.prependListener('disconnect', onLost)
  return () => {
    process.off('disconnect', onLost)
    define({ value: leaving, writable: true })
  }
})

/** Whether this process is a worker of a cluster, whose primary goes on without it. */
export const isClusterWorker = (): boolean => clusterWorker() !== undefined

const clusterWorker = (): Worker | undefined => {
  if (!process.connected) return undefined
  // `getBuiltinModule` returns the default export, though its type says otherwise.
  const { isWorker, worker } = process.getBuiltinModule('node:cluster') as unknown as Cluster
  return isWorker ? worker : undefined
}
