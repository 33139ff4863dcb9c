import { filter, map, type Observable, take } from 'rxjs'
import { processEvent } from './process-events.ts'

/**
 * Whether the parent of this process is PM2, and can be told something. A program that an app of PM2 has started
 * inherits the variables of PM2, but is not the one that they name.
 */
export const hasPm2AsParent = (): boolean => {
  const { pm_id, pm_exec_path } = process.env
  if (pm_id === undefined || process.connected !== true) return false
  return pm_exec_path === undefined || isThisProgram(pm_exec_path)
}

/** PM2 starts a program of its own, which loads the app. An interpreter such as tsx starts the app itself. */
const isThisProgram = (path: string): boolean => {
  const { realpathSync } = process.getBuiltinModule('node:fs')
  const [, program = path] = process.argv
  if (program === path || /[\\/]ProcessContainer\w*\.js$/.test(program)) return true
  try {
    return realpathSync(program) === realpathSync(path)
  } catch {
    return false
  }
}

/** Tells PM2 that the app is ready, which `wait_ready` waits for. Nobody listens any more when that can't be sent. */
export const tellPm2Ready = (): void => {
  process.send?.('ready', undefined, {}, () => {})
}

/** Emits once, when PM2 asks the app to end by a message: with `shutdown_with_message`. */
export const pm2Shutdown$: Observable<void> = processEvent('message').pipe(
  filter(([message]) => message === 'shutdown'),
  take(1),
  map(() => undefined),
)
