import type { Server as NetServer } from 'node:net'
import type { NodeServer } from './target.ts'

/** Methods by which someone else ends what the server serves. One of HTTP/2 has only the first. */
const METHODS = ['close', 'closeIdleConnections', 'closeAllConnections'] as const
type Method = (typeof METHODS)[number]
type Call = (...args: unknown[]) => unknown
type Closable = NetServer & Partial<Record<Method, Call>>

/** How long after `close()` the service may be asked to leave, for the call to belong to that, in ms. */
const TOGETHER = 100

/** Holds back the calls of others. */
export interface HeldBack {
  /** From now on the service closes all, and more gently. */
  readonly leave: () => void
  /** The server is closed: calls are answered by Node again. */
  readonly gone: () => void
  readonly undo: () => void
}

const reals = new WeakMap<object, Partial<Record<Method, Call>>>()

/** Closes the listener in Node's way, also while calls of others are held back. */
export const realClose = (server: NetServer): void => {
  const close = reals.get(server)?.close ?? (server as Closable).close
  close.call(server)
}

/**
 * Holds back what others do to end the server while the service leaves: old code that calls `server.close()` on SIGTERM
 * would cut idle connections into which clients write. Its callback is called when the server is closed. Such code may
 * hear of the signal before the service does; where no leaving follows, the calls are made up for.
 */
export const holdBackOthers = (server: NodeServer, onHeldBack: (calls: string) => void): HeldBack => {
  const closable = server as Closable
  const own = new Map(METHODS.map(method => [method, Object.getOwnPropertyDescriptor(server, method)]))
  const real: Partial<Record<Method, Call>> = {}
  const held = new Set<Method>()
  let leaving = false
  let gone = false
  let timer: NodeJS.Timeout | undefined

  const makeUp = () => {
    timer = undefined
    for (const method of held) real[method]?.call(server)
    held.clear()
  }
  const tell = () => onHeldBack([...held].map(method => `server.${method}()`).join(', '))
  const hold = (method: Method) => {
    held.add(method)
    if (leaving) tell()
    else timer ??= setTimeout(makeUp, TOGETHER)
  }
  const end = (method: Method) => {
    if (gone) real[method]?.call(server)
    else hold(method)
  }
  const replacements: Record<Method, Call> = {
    close: (callback, ...rest) => {
      if (gone || !(server.listening || leaving)) return real.close?.call(server, callback, ...rest)
      if (typeof callback === 'function') server.once('close', () => callback())
      hold('close')
      return server
    },
    closeIdleConnections: () => end('closeIdleConnections'),
    closeAllConnections: () => end('closeAllConnections'),
  }
  for (const method of METHODS) {
    const original = closable[method] as Call | undefined
    if (!original) continue
    real[method] = original
    closable[method] = replacements[method] as never
  }
  reals.set(server, real)
  return {
    leave: () => {
      leaving = true
      clearTimeout(timer)
      timer = undefined
      if (held.size > 0) tell()
    },
    gone: () => {
      gone = true
    },
    undo: () => {
      clearTimeout(timer)
      reals.delete(server)
      for (const method of METHODS) {
        if (closable[method] !== replacements[method]) continue
        const before = own.get(method)
        if (before) Object.defineProperty(server, method, before)
        else delete closable[method]
      }
    },
  }
}
