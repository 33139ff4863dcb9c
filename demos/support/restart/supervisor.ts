import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** Where servers listen, one after the other. With `fd` they are passed the socket, which stays open here. */
export interface Socket {
  readonly port: number
  readonly fd?: number
  readonly close: () => unknown
}

/** A port that is free, and nothing that holds it. */
export const freePort = async (): Promise<Socket> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return { port, close: () => {} }
}

export const heldSocket = async (): Promise<Socket> => {
  const holder = new Worker(new URL('holder.mjs', import.meta.url))
  const [{ port, fd }] = (await once(holder, 'message')) as [{ port: number; fd: number }]
  return { port, fd, close: () => holder.terminate() }
}

const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const children = new Set<ChildProcess>()

const keep = <Child extends ChildProcess>(child: Child): Child => {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Starts a server; resolves when it is ready. */
export const startServer = async ({ port, fd }: Socket): Promise<ChildProcess> => {
  const server = fileOf('server.mjs')
  const env = { ...process.env, PORT: `${port}`, LISTEN_FDS: '1', LISTEN_FDNAMES: 'web' }
  const child = keep(
    fd === undefined
      ? spawn(process.execPath, [server], { env: { ...env, LISTEN_FDS: '' }, stdio: ['ignore', 'pipe', 'inherit'] })
      : // Only the process itself knows its pid before node begins.
        spawn('sh', ['-c', 'LISTEN_PID=$$ exec "$0" "$1"', process.execPath, server], {
          env,
          stdio: ['ignore', 'pipe', 'inherit', fd],
        }),
  )
  const ready = once(child.stdout!, 'data')
  const [what] = await Promise.race([ready, once(child, 'exit').then(() => ['ended'])])
  if (`${what}`.trim() !== 'ready') throw new Error(`the server did not start: ${what}`)
  return child
}

/** Asks a server to end, as every supervisor does; resolves when it has ended. */
export const stopServer = async (server: ChildProcess): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return
  server.kill('SIGTERM')
  await once(server, 'exit')
}

export interface Figures {
  readonly requests: number
  readonly refused: number
  readonly reset: number
  readonly other: number
  /** The slowest answer, in milliseconds. */
  readonly slowest: number
}

/** Clients that ask all the time. The function that is returned ends them, and tells how they fared. */
export const startLoad = ({ port }: Socket, clients: number): (() => Promise<Figures>) => {
  const load = keep(fork(fileOf('load.mjs'), [`${port}`, `${clients}`], { execArgv: [] }))
  return async () => {
    const told = once(load, 'message')
    load.send('stop')
    const [figures] = (await told) as [Figures]
    return figures
  }
}

/** Ends what is left of the processes, whatever has happened. */
export const endAll = async (): Promise<void> => {
  await Promise.all(
    [...children].map(async child => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }),
  )
}
