import { follow, type Heard } from './connection.ts'
import { newHistory } from './history.ts'

/**
 * One connection for all tabs that show the same dashboard: a browser allows six to a host, over HTTP/1.1. It is held
 * by a worker that the tabs share, which is no tab's own: whichever is closed, the others hear on.
 */
const NAME = 'rx-service-group dashboard 1'

/** A worker that has not said a word by then, in milliseconds, is not there. */
const PATIENCE = 3_000

/** Hears by way of the shared worker, or alone where there is none. Returns what ends it. */
export const followTogether = (url: string, script: string, hear: (heard: Heard) => void): (() => void) => {
  let close = (): void => {}
  const alone = (): void => {
    close()
    close = follow(url, hear)
  }
  try {
    close = join(script, hear, alone)
  } catch {
    // A browser without such workers, or one that refuses them as it refuses storage.
    alone()
  }
  return () => close()
}

const join = (script: string, hear: (heard: Heard) => void, alone: () => void): (() => void) => {
  const worker = new SharedWorker(script, { type: 'module', name: NAME })
  const { port } = worker
  let timer: ReturnType<typeof setTimeout> | undefined = setTimeout(alone, PATIENCE)
  const leave = (): void => {
    clearTimeout(timer)
    port.onmessage = null
    worker.onerror = null
    port.postMessage('leave')
    port.close()
  }
  worker.onerror = alone
  port.onmessage = ({ data }: MessageEvent<readonly Heard[]>) => {
    clearTimeout(timer)
    timer = undefined
    for (const heard of data) hear(heard)
  }
  addEventListener('pagehide', () => port.postMessage('leave'))
  // A tab that is left may be kept for later, and come back when the worker has gone.
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
  port.postMessage('join')
  return leave
}

/** The work of a shared worker: it listens while there are tabs. */
export const serveTabs = (url: string): void => {
  const ports = new Set<MessagePort>()
  const history = newHistory()
  let close: (() => void) | undefined
  const hear = (heard: Heard): void => {
    history.add(heard)
    for (const port of ports) port.postMessage([heard])
  }
  const join = (port: MessagePort): void => {
    ports.add(port)
    port.postMessage(history.all())
    close ??= follow(url, hear)
  }
  const leave = (port: MessagePort): void => {
    ports.delete(port)
    if (ports.size > 0) return
    close?.()
    close = undefined
  }
  addEventListener('connect', event => {
    const port = (event as MessageEvent).ports[0]!
    port.onmessage = ({ data }) => (data === 'join' ? join(port) : leave(port))
  })
}
