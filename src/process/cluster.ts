import type { Cluster } from 'node:cluster'
import { Observable } from 'rxjs'

/**
 * The cluster asks this worker to leave: `worker.disconnect()` was called here or in the primary, or the primary is gone.
 * It emits before the cluster closes the worker's servers. Outside a cluster it never emits.
 */
export const clusterDisconnect$: Observable<void> = new Observable(out => {
  if (!process.connected) return
  // This returns the default export, though its type says otherwise.
  const { isWorker, worker } = process.getBuiltinModule('node:cluster') as unknown as Cluster
  if (!isWorker || !worker) return
  let leaving = worker.exitedAfterDisconnect
  const define = (property: PropertyDescriptor): void => {
    Object.defineProperty(worker, 'exitedAfterDisconnect', { configurable: true, enumerable: true, ...property })
  }
  // Setting this is the first thing that the cluster does on `disconnect()`; there is no event so early.
  define({
    get: () => leaving,
    set: (value: boolean) => {
      leaving = value
      if (value) out.next()
    },
  })
  // A worker that lost its primary unasked is ended at once by Node, unless it is leaving already.
  const onLost = (): void => {
    worker.exitedAfterDisconnect = true
  }
  process.prependListener('disconnect', onLost)
  return () => {
    process.off('disconnect', onLost)
    define({ value: leaving, writable: true })
  }
})
