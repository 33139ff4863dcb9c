import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { WorkerOptions as NodeWorkerOptions, Worker } from 'node:worker_threads'
import { isName, known, namesOf, refuse } from '../../core/options.ts'
import { checkName, type Service } from '../../core/service.ts'
import { prefixed } from '../common/lines.ts'
import { type RemoteOptions, remote } from '../common/remote.ts'
import { openThread } from './thread.ts'

export type { OutputStream, RemoteOptions } from '../common/remote.ts'
export type { RemoteStep, RemoteWord } from '../common/remote-words.ts'
export { inThread } from './in-thread.ts'

/** How a worker thread is started and watched; what Node's own `Worker` takes is passed on to it. */
export interface WorkerOptions
  extends RemoteOptions<Worker>,
    Pick<NodeWorkerOptions, 'argv' | 'env' | 'execArgv' | 'resourceLimits' | 'workerData'> {}

/** The last three are Node's too, for those who know what they do. */
const OPTIONS = [
  ...namesOf<WorkerOptions>({
    ready: true,
    attach: true,
    output: true,
    argv: true,
    env: true,
    execArgv: true,
    resourceLimits: true,
    workerData: true,
  }),
  'name',
  'trackUnmanagedFds',
  'transferList',
]

/**
 * A worker thread as a service. It is running when its file has been loaded, top-level `await` included, with
 * `info: { threadId }` in its state; what fails before that fails the start. An error nobody catches in the thread, or
 * an exit code that is not 0, is a failure that keeps it as its cause; a thread that comes to its end has ended.
 *
 * Asked to stop, a thread that has said that it hears is told, waited for, and terminated at force; any other one is
 * terminated at its turn. `inThread()` makes a thread of a service or a group, and does all this. Without it, a thread
 * says `{ service: 'ready', drain: true, stop: true }`, is told `{ service: 'drain', reason }` and
 * `{ service: 'stop', reason }`, answers the first with `{ service: 'drained' }` and the second with its end, and may
 * say `{ service: 'pending', count }`, `{ service: 'health', health, detail }`, `{ service: 'info', info }` and `{
 * service: 'heartbeat' }` at any time.
 *
 * @param file a URL (`new URL('./resizer.js', import.meta.url)`), or a path, which is one from the working directory.
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`; its lifecycle fails with `ERR_START_FAILED`,
 * `ERR_SERVICE_FAILED`, or `ERR_STOP_FAILED` when it goes wrong once it has been asked to stop
 * @example
 * ```ts
 * import { worker } from 'rx-service-group/worker'
 *
 * const resizer = worker('resizer', new URL('./resizer.js', import.meta.url), { workerData: { quality: 80 } })
 * const group = serviceGroup('shop').add(resizer, { restart: 'permanent' })
 * ```
 */
export const worker = <const Name extends string>(
  name: Name,
  file: string | URL,
  options: WorkerOptions = {},
): Service<Name> => {
  checkName(name)
  if (!(file instanceof URL || isName(file))) refuse(name, 'give the file of the thread, a path or a URL')
  known(name, options, OPTIONS)
  const { ready: _, attach: __, output = prefixed(name), ...forNode } = options
  const url = file instanceof URL ? file : pathToFileURL(resolve(file))
  return remote(name, { ...options, output }, ear => openThread(name, url, forNode, ear))
}
