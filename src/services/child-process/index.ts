import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { isName, known, must, namesOf, refuse } from '../../core/options.ts'
import { checkName, type Service } from '../../core/service.ts'
import { prefixed } from '../common/lines.ts'
import { type RemoteOptions, remote } from '../common/remote.ts'
import { spawnGroup } from './spawned.ts'

export type { OutputStream, RemoteOptions } from '../common/remote.ts'
export type { RemoteStep, RemoteWord } from '../common/remote-words.ts'

/** How a child process is started, watched and ended. */
export interface ChildProcessOptions extends RemoteOptions<ChildProcess> {
  /** The signal that asks the process to end, sent to its whole process group. Default `'SIGTERM'`. */
  readonly stopSignal?: NodeJS.Signals
  /** Where it runs. Default: where this process does. */
  readonly cwd?: string | URL
  /** All of its environment. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  /** As which user and group it runs. Default: those of this process. */
  readonly uid?: number
  readonly gid?: number
}

const OPTIONS = [
  ...namesOf<ChildProcessOptions>({
    ready: true,
    attach: true,
    output: true,
    stopSignal: true,
    cwd: true,
    env: true,
    uid: true,
    gid: true,
  }),
  'argv0',
]

/**
 * A program in a process of its own as a service, with `info: { pid }` in its state. It is running once it is spawned,
 * or `ready` says so; with `ready: 'message'` it has an IPC channel, and may say all that a `worker` may.
 *
 * Asked to stop, `stopSignal` goes to its whole process group: to what it has spawned itself too, which is waited for
 * like itself; SIGKILL at force. Ctrl-C in a terminal does not reach it, so that it ends at its turn. Exit code 0 is an
 * end; another one, or a signal nobody here has sent, is a failure that tells it, with the last lines of its standard
 * error as `cause`. What is left of its group then is killed, before it is restarted. It runs without a shell.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`; its lifecycle fails with `ERR_START_FAILED` (also when
 * it can't be run: the system's `code` and `path` are those of its `cause`), `ERR_SERVICE_FAILED`, or
 * `ERR_STOP_FAILED` when it goes wrong once it has been asked to stop
 * @example
 * ```ts
 * import { childProcess } from 'rx-service-group/child-process'
 *
 * const api = childProcess('api', 'node', ['server.js'], { ready: /listening on/ })
 * const group = serviceGroup('shop').add(api, { restart: 'permanent', startTimeout: 5_000 })
 * ```
 */
export const childProcess = <const Name extends string>(
  name: Name,
  command: string,
  args: readonly string[] = [],
  options: ChildProcessOptions = {},
): Service<Name> => {
  checkName(name)
  known(name, options, OPTIONS)
  const { ready, attach: _, output = prefixed(name), stopSignal = 'SIGTERM', ...forNode } = options
  if (!isName(command)) refuse(name, 'give the command to run')
  const goodArgs = Array.isArray(args) && args.every(arg => typeof arg === 'string')
  must(name, 'the arguments of its command', goodArgs, 'a list of texts', args)
  must(name, 'stopSignal', stopSignal in constants.signals, 'a signal', stopSignal)
  return remote(name, { ...options, output }, ear =>
    spawnGroup({ command, args, stopSignal, ipc: ready === 'message', options: forNode }, ear),
  )
}
