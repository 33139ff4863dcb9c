import { once } from 'node:events'
import { Agent, createServer, get, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Child, type Ended, startNode } from '../support/child.ts'
import { afterRepeats } from '../support/processes.ts'
import { slots } from './slots.ts'

const PORTS = new URL('./ports.mjs', import.meta.url).href

/** How long the programs wait for load balancers to notice, in milliseconds. */
const DRAIN_DELAY = 1_000
/** How long one thing may take to close, in milliseconds, where nothing is to run out of its time. */
const LONG = '60000'
/** How long one thing may take to close, in milliseconds, where one of them hangs. */
const SHORT = '400'
/** A process that has not ended by then never will, in milliseconds. It is far more than the times above. */
const NEVER = 5_000

/** Processes take turns until they have been asked to end: only that far they keep a processor busy. */
const turn = slots(4)

/** The end of a process, or the knowledge that it does not come. */
export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  /** It did not end, and was killed. */
  readonly hung: boolean
}

/** The view of clients while a process is asked to end by SIGTERM, with a request in flight. */
export interface Deploy extends End {
  /** The status of the readiness endpoint. `undefined`: no answer. */
  readonly readyBefore: number | undefined
  /** The same after the signal, as soon as it is not 200 any more. */
  readonly readyAfter: number | undefined
  /** The answer to the request in flight. `undefined`: it was cut. */
  readonly answer: string | undefined
  /** The answer to a connection that is made then. */
  readonly newcomer: string | undefined
  /** The idle connection was closed while the request was still in flight. */
  readonly closesIdle: boolean
  /** After the last answer it went on for as long as that client kept its connection. */
  readonly waitsForClient: boolean
}

/** A program, and where it tells whether it is ready. */
export interface Program {
  readonly file: string
  readonly readyPath: string
}

interface Answer {
  readonly status: number
  readonly body: string
}

const ask = (port: number, path: string, agent: Agent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ status: response.statusCode!, body })).on('error', reject)
    }).on('error', reject)
  })

const askOnce = (port: number, path: string): Promise<Answer | undefined> =>
  ask(port, path, new Agent()).catch(() => undefined)

const start = ({ file }: Program, env: Readonly<Record<string, string>>): Child =>
  startNode(['--import', PORTS, file], { DRAIN_DELAY: '1', STOP_TIMEOUT: LONG, KUBERNETES_SERVICE_HOST: '', ...env })

const portOf = async (child: Child, asked: number): Promise<number> => {
  const said = RegExp(`^port ${asked} is (\\d+)$`, 'm')
  return Number(said.exec(await child.says(said))![1])
}

/** The end of a process, if it comes. */
const ended = async (child: Child): Promise<Ended | undefined> => {
  const over = new AbortController()
  const never = delay(NEVER, undefined, { signal: over.signal }).catch(() => undefined)
  const end = await Promise.race([child.ended, never])
  over.abort()
  return end
}

/** Waits for the end. A process that never ends is killed. */
const endOf = async (child: Child): Promise<End> => {
  const end = await ended(child)
  if (end) return { ...end, hung: false }
  child.kill('SIGKILL')
  const { output } = await child.ended
  return { code: null, signal: null, output, hung: true }
}

/** A server that the request in flight waits for. It answers when the test says so. */
const startBackend = async (): Promise<{ url: string; asked: Promise<unknown>; answer(): void; server: Server }> => {
  const server = createServer().listen(0, '127.0.0.1')
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: () => void asked.then(([, response]) => response.end()),
    server,
  }
}

/** Asks again and again, until a process says that it is not ready. */
const notReady = async (ready: () => Promise<number | undefined>): Promise<number | undefined> => {
  for (const begun = performance.now(); performance.now() - begun < NEVER; await delay(10)) {
    const status = await ready()
    if (status !== 200) return status
  }
  return 200
}

/** SIGTERM while a request is in flight and another connection is idle. Both clients would keep their connections. */
export const deploy = async (program: Program): Promise<Deploy> => {
  const done = await turn()
  const backend = await startBackend()
  const child = start(program, { DRAIN_DELAY: `${DRAIN_DELAY}`, BACKEND: backend.url })
  const [busy, idle] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })]
  const leave = (): void => {
    for (const agent of [busy, idle]) agent.destroy()
  }
  try {
    const port = await portOf(child, 8080)
    const readyPort = Number(/^port 9000 is (\d+)$/m.exec(await child.says('port 8080 is'))?.[1] ?? port)
    const ready = async (): Promise<number | undefined> => (await askOnce(readyPort, program.readyPath))?.status
    await ask(port, '/', idle)
    const [idleSocket] = Object.values(idle.freeSockets).flat() as unknown as Socket[]
    const idleCloses = once(idleSocket!, 'close').then(() => true)
    const readyBefore = await ready()
    const slow = ask(port, '/slow', busy).then(
      ({ body }) => body,
      () => undefined,
    )
    await backend.asked
    child.kill('SIGTERM')
    done()
    const readyAfter = await notReady(ready)
    const newcomer = await askOnce(port, '/')
    const closesIdle = await Promise.race([idleCloses, child.ended.then(() => false), delay(NEVER, false)])
    backend.answer()
    const answer = await slow
    const waitsForClient = (await ended(child)) === undefined
    leave()
    const end = await endOf(child)
    return { ...end, readyBefore, readyAfter, answer, newcomer: newcomer?.body, closesIdle, waitsForClient }
  } finally {
    done()
    leave()
    backend.server.close()
  }
}

/** SIGTERM to a program of which something misbehaves. */
export const stop = async (program: Program, env: Readonly<Record<string, string>>): Promise<End> => {
  const done = await turn()
  const child = start(program, { STOP_TIMEOUT: SHORT, ...env })
  await portOf(child, 8080)
  child.kill('SIGTERM')
  done()
  return await endOf(child)
}

/** A start in which the second service fails. */
export const failingStart = async (program: Program): Promise<End> => {
  const done = await turn()
  const child = start(program, { ORDERS_OPEN: 'fails' })
  await child.says('orders opens')
  done()
  return await endOf(child)
}

/** Two signals to a program of which one part hangs and may do so for a minute. */
export const twoSignals = async (program: Program): Promise<End> => {
  const done = await turn()
  const child = start(program, { DB_CLOSE: 'hangs' })
  await portOf(child, 8080)
  child.kill('SIGTERM')
  done()
  await child.says('db closes')
  await afterRepeats()
  child.kill('SIGTERM')
  return await endOf(child)
}

/** SIGTERM while three orders are held and more wait in the queue. */
export const consume = async (program: Program, url: string, queue: string): Promise<End> => {
  const done = await turn()
  const child = start(program, { AMQP_URL: url, QUEUE: queue })
  await portOf(child, 8080)
  await child.says(/(an order\n(.*\n)*){3}/)
  child.kill('SIGTERM')
  done()
  return await endOf(child)
}
