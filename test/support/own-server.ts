import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'

/** A server program, and how it is run. */
export interface ServerProgram {
  /** The program; the first that is there is run. */
  readonly commands: readonly string[]
  /** How to install it, for the error when it is missing. */
  readonly install: string
  readonly args: (port: number, folder: string) => readonly string[]
  /** Prepares the folder before the first start, as a command. */
  readonly prepare?: (folder: string) => readonly [command: string, ...args: string[]]
  /** The user it runs as when the tests run as root, because it refuses root. */
  readonly user?: string
  /** The signal that ends it at once, with its own children. */
  readonly killSignal: NodeJS.Signals
  readonly answers: (port: number) => Promise<boolean>
  readonly url: (port: number) => string
}

/** A server of this test file, on a free port and with a folder of its own. It dies with this process. */
export interface OwnServer {
  readonly port: number
  readonly url: string
  /** The server goes away: its connections are reset, its port refuses. */
  stop(): Promise<void>
  /** The server comes back on the same port, with what it kept. Resolves when it answers. */
  start(): Promise<void>
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void
  thaw(): void
}

const HOST = '127.0.0.1'

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await once(server.close(), 'close')
  return port
}

/*
 * The supervisor's input is a pipe from this process, so it ends with it, however that ends. Each line it reads starts
 * the server anew and is answered with its process id.
 */
const SUPERVISOR = `
server=
while read -r line; do
  "$@" </dev/null >>"$HOME/server.log" 2>&1 &
  server=$!
  echo "$server"
done
kill -CONT $server 2>/dev/null
kill -"$KILL_SIGNAL" $server 2>/dev/null
wait
rm -rf "$HOME"
`

const idOf = (user: string): { uid: number; gid: number } => {
  const id = (which: string) => Number(execFileSync('id', [which, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Signals a process and its children. */
const signalAll = (pid: number, signal: NodeJS.Signals): void => {
  process.kill(pid, signal)
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  for (const child of children) signalIfThere(Number(child), signal)
}

/** A process for one connection may end at any moment. */
const signalIfThere = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const startServer = async (program: ServerProgram): Promise<OwnServer & { close(): Promise<void> }> => {
  const command = program.commands.find(existsSync)
  if (command === undefined) throw new Error(`${program.commands[0]} is needed for these tests: ${program.install}`)
  const home = await mkdtemp(join(tmpdir(), 'own-server-'))
  const owner = program.user !== undefined && process.getuid?.() === 0 ? idOf(program.user) : undefined
  if (owner) chownSync(home, owner.uid, owner.gid)
  const { PATH } = process.env
  const env = { PATH, HOME: home, LC_ALL: 'C.UTF-8', KILL_SIGNAL: program.killSignal.slice(3) }
  const options = { ...owner, env, cwd: home }
  if (program.prepare) {
    const [prepare, ...args] = program.prepare(home)
    execFileSync(prepare, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const port = await freePort()
  const args = ['-c', SUPERVISOR, 'sh', command, ...program.args(port, home)]
  // A process group of its own: Ctrl-C in the terminal is for the test run, which takes the server along.
  const supervisor = spawn('/bin/sh', args, { ...options, detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  const gone = once(supervisor, 'exit')
  const pids = createInterface(supervisor.stdout)[Symbol.asyncIterator]()
  let pid = 0

  const start = async (): Promise<void> => {
    supervisor.stdin.write('start\n')
    pid = Number((await pids.next()).value)
    const deadline = Date.now() + 30_000
    while (!(await program.answers(port))) {
      if (Date.now() > deadline) {
        const log = await readFile(join(home, 'server.log'), 'utf8').catch(() => '')
        throw new Error(`${command} did not start: ${log.slice(-2000) || 'it says nothing'}`)
      }
      await sleep(20)
    }
  }
  const stop = async (): Promise<void> => {
    process.kill(pid, program.killSignal)
    while (await program.answers(port)) await sleep(5)
  }
  const close = async (): Promise<void> => {
    supervisor.stdin.end()
    await gone
  }
  try {
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    port,
    url: program.url(port),
    start,
    stop,
    freeze: () => signalAll(pid, 'SIGSTOP'),
    thaw: () => signalAll(pid, 'SIGCONT'),
    close,
  }
}

/** The server for this test file, there from `beforeAll` on and gone after the last test. */
export const useServer = (program: ServerProgram): OwnServer => {
  let server: Awaited<ReturnType<typeof startServer>> | undefined
  beforeAll(async () => {
    server = await startServer(program)
  }, 60_000)
  afterAll(() => server?.close())
  return {
    get port() {
      return server!.port
    },
    get url() {
      return server!.url
    },
    start: () => server!.start(),
    stop: () => server!.stop(),
    freeze: () => server!.freeze(),
    thaw: () => server!.thaw(),
  }
}

/** True if a server answers these bytes on a port. */
export const answersWith = (port: number, question: string | Uint8Array): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, HOST, () => socket.write(question))
    const settle = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(1000, () => settle(false))
    socket.once('data', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('close', () => settle(false))
  })
