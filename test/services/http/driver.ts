import { once } from 'node:events'
import { Agent, get, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Phase, Service, ServiceState, Shutdown, StateOf, Step } from 'rx-service-group'
import { ReplaySubject } from 'rxjs'

const reason = { by: 'call' } as const

/** Plays the group: starts a service, records what it says, and takes it down step by step. */
export const drive = (service: Service) => {
  const states: ServiceState[] = []
  const shutdown$ = new ReplaySubject<Shutdown>(1)
  const waiting = new Set<() => void>()
  let over: { readonly error?: unknown } | undefined
  const wake = () => {
    for (const look of [...waiting]) look()
  }
  const subscription = service.lifecycle(shutdown$).subscribe({
    next: state => {
      states.push(state)
      wake()
    },
    error: (error: unknown) => {
      over = { error }
      wake()
    },
    complete: () => {
      over = {}
      wake()
    },
  })
  const until = <T>(found: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const value = found()
        if (value === undefined && !over) return
        waiting.delete(look)
        if (value !== undefined) resolve(value)
        else reject(over?.error ?? new Error(`it ended after ${states.map(state => state.phase).join(', ')}`))
      }
      waiting.add(look)
      look()
    })
  const phase = <P extends Phase>(name: P) => until(() => states.find((s): s is StateOf<P> => s.phase === name))
  const step = (name: Step) => shutdown$.next({ step: name, reason })
  return {
    states,
    subscription,
    phase,
    step,
    until,
    /** Resolves with the port once it runs. */
    port: async () => {
      const { port } = (await phase('running')).info ?? {}
      return Number(port)
    },
    /** All the steps that a group takes, one after the other; resolves with the milliseconds they took. */
    leave: async () => {
      const start = performance.now()
      step('unready')
      step('drain')
      await phase('drained')
      step('stop')
      await phase('stopped')
      return performance.now() - start
    },
    /** The error its lifecycle ended with, or `undefined` once it has completed. */
    ended: () => until(() => over).then(end => end.error),
  }
}

export interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export const request = (port: number, path = '/', options: RequestOptions = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false, ...options }, async response => {
      try {
        response.setEncoding('utf8')
        let body = ''
        for await (const chunk of response) body += chunk
        resolve({ status: response.statusCode, headers: response.headers, body })
      } catch (error) {
        reject(error)
      }
    }).on('error', reject)
  })

export const keepAlive = () => new Agent({ keepAlive: true, maxSockets: 1 })

/** A connection by hand: what came in on it, and when it was over. */
export const rawConnection = async (port: number) => {
  const socket: Socket = connect({ host: '127.0.0.1', port })
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk)).on('error', () => {})
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return { socket, closed, bytes: () => Buffer.concat(chunks), text: () => Buffer.concat(chunks).toString() }
}

export const refuses = async (port: number): Promise<boolean> => {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

/** A server that holds a port, for others to run into. */
export const holdPort = async () => {
  const server = createServer().listen(0)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, release: () => server.close() }
}

/** Something to open from outside: handlers wait at it. */
export const gate = () => {
  let open!: () => void
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}
