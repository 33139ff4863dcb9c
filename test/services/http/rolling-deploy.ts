/**
 * A rolling deploy as its clients see it: 40 of them with keep-alive, a balancer that notices 100 ms late who is ready,
 * and servers, each a process of its own, replaced one after the other. Prints how each server was used.
 *
 *   node --import tsx test/services/http/rolling-deploy.ts <drain delay of the servers> <how many are replaced>
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { setTimeout as passed } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FromServer } from './rolling-server.ts'

const CLIENTS = 40
const NOTICED_AFTER = 100
/** How long nobody was sent to a server that closes its listener, if the balancer was as quick as it should be. */
const UNUSED_AT_LEAST = 50

/** What became of the requests to one server. */
export interface Used {
  answered: number
  /** Of these: after it was told to leave. */
  answeredWhileLeaving: number
  reset: number
  refused: number
  readonly otherwise: string[]
}

interface Backend {
  readonly child: ChildProcess
  readonly used: Used
  readonly underWay: Set<Promise<void>>
  told: FromServer
  lastUsed: number
}

const [drainDelay, replacements] = process.argv.slice(2).map(Number) as [number, number]
/** Whom the balancer sends clients to. */
const inUse = new Set<Backend>()

const start = async (): Promise<Backend> => {
  const child = fork(fileURLToPath(new URL('rolling-server.ts', import.meta.url)), [`${drainDelay}`], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [told] = (await once(child, 'message')) as [FromServer]
  const used: Used = { answered: 0, answeredWhileLeaving: 0, reset: 0, refused: 0, otherwise: [] }
  const backend: Backend = { child, used, underWay: new Set(), told, lastUsed: 0 }
  child.on('message', (message: FromServer) => {
    backend.told = message
    setTimeout(() => inUse.delete(backend), message.leavingAt + NOTICED_AFTER - Date.now())
  })
  await passed(NOTICED_AFTER)
  inUse.add(backend)
  return backend
}

const ask = ({ told: { port }, used }: Backend, agent: Agent, isLeaving: () => boolean): Promise<void> =>
  new Promise(resolve => {
    const failed = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') used.reset++
      else if (error.code === 'ECONNREFUSED') used.refused++
      else used.otherwise.push(error.message)
      resolve()
    }
    get({ host: '127.0.0.1', port, agent }, response => {
      response.on('error', failed).on('end', () => {
        if (response.statusCode === 200) used.answered++
        else used.otherwise.push(`status ${response.statusCode}`)
        if (isLeaving()) used.answeredWhileLeaving++
        resolve()
      })
      response.resume()
    }).on('error', failed)
  })

let deployed = false
const client = async (n: number): Promise<void> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let turn = n; !deployed; turn++) {
    const candidates = [...inUse]
    const backend = candidates[turn % candidates.length]!
    backend.lastUsed = Date.now()
    const asked = ask(backend, agent, () => backend.told.leavingAt > 0)
    backend.underWay.add(asked)
    await asked
    backend.underWay.delete(asked)
    await passed(turn % 7)
  }
  agent.destroy()
}

/** Whether the balancer was in time; on a busy machine it may be late itself, and then shows nothing. */
const keptItsWord = ({ told, lastUsed }: Backend) => told.drainingAt - lastUsed >= UNUSED_AT_LEAST

const replaced: Used[] = []
const codes: unknown[] = []
const backends = [await start(), await start()]
const clients = Array.from({ length: CLIENTS }, (_, n) => client(n))
while (replaced.length < replacements) {
  backends.push(await start())
  const old = backends.shift()!
  const exit = once(old.child, 'exit')
  old.child.kill('SIGTERM')
  const [code] = await exit
  codes.push(code)
  await Promise.all(old.underWay)
  if (drainDelay < NOTICED_AFTER || keptItsWord(old)) replaced.push(old.used)
}
deployed = true
await Promise.all(clients)
console.log(`report ${JSON.stringify({ replaced, stayed: backends.map(({ used }) => used), codes })}`)
for (const { child } of backends) child.kill('SIGTERM')
