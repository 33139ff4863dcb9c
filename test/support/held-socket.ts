import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll } from 'vitest'
import { type Child, startCommand, TSX } from './child.ts'

/** A listening socket that this process holds open, and on which nobody is accepted until a process is passed it. */
export interface HeldSocket {
  readonly fd: number
  /** Of a socket of TCP. */
  readonly port: number
}

// Node accepts as soon as it listens, so the thread blocks for good.
const HOLDER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer().listen(workerData, () => {
    parentPort.postMessage({ fd: server._handle.fd, port: server.address().port })
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

const holders = new Set<Worker>()
afterAll(() => Promise.all([...holders].map(holder => holder.terminate())))

export const holdSocket = async (
  place: { readonly path: string } | { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<HeldSocket> => {
  const holder = new Worker(HOLDER, { eval: true, workerData: place })
  holders.add(holder)
  const [held] = await once(holder, 'message')
  return held
}

/** Runs a TypeScript program that is passed sockets as by a service manager. `LISTEN_FDNAMES` is the test's. */
export const startWithSockets = (
  program: URL,
  sockets: readonly HeldSocket[],
  env: Readonly<Record<string, string>> = {},
): Child =>
  startCommand(
    'sh',
    // Nobody knows the pid of a process before it is there.
    ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, ...TSX, fileURLToPath(program)],
    { LISTEN_FDS: `${sockets.length}`, ...env },
    sockets.map(({ fd }) => fd),
  )
