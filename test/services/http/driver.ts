import { once } from 'node:events'
import { Agent, get, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Service } from 'rx-service-group'
import { live } from '../../support/life.ts'

/** One life of a server. */
export const drive = (service: Service) => {
  const life = live(service)
  return {
    ...life,
    /** Resolves with the port once it runs. */
    port: async () => Number((await life.until('running')).info?.['port']),
    /** Takes it down step by step, as a group does; resolves with the milliseconds that took. */
    leave: async () => {
      const start = performance.now()
      await life.leave()
      return performance.now() - start
    },
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
