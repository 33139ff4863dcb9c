/**
 * A server is restarted three times while clients ask all the time, in three ways. Where the listening socket outlives
 * the process, nobody is refused: connections wait in its queue until the next process takes them.
 *
 *   npm run demo:restart
 *
 * Here this process keeps the socket, as systemd does with a `.socket` unit. The server takes it by name:
 * `http('web', app, { fd: 'web' })`, in `demos/support/restart/server.mjs`. Each figure is measured in this run.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { run, serviceGroup, task } from 'rx-service-group'
import {
  endAll,
  type Figures,
  freePort,
  heldSocket,
  type Socket,
  startLoad,
  startServer,
  stopServer,
} from './support/restart/supervisor.ts'

const CLIENTS = 26
const RESTARTS = 3
/** How long clients ask between two restarts, in ms. */
const PAUSE = 250

type Server = Awaited<ReturnType<typeof startServer>>
type Restart = (socket: Socket, old: Server) => Promise<Server>

const stopThenStart: Restart = async (socket, old) => {
  await stopServer(old)
  return startServer(socket)
}
const newBesideOld: Restart = async (socket, old) => {
  const next = await startServer(socket)
  await stopServer(old)
  return next
}

const WAYS = [
  { what: 'nothing kept, stop then start', kept: false, open: freePort, restart: stopThenStart },
  { what: 'socket kept, stop then start', kept: true, open: heldSocket, restart: stopThenStart },
  { what: 'socket kept, new beside old', kept: true, open: heldSocket, restart: newBesideOld },
] as const

/** Restarts a server under load, and tells how its clients fared. */
const measure = async (open: () => Promise<Socket>, restart: Restart, signal: AbortSignal): Promise<Figures> => {
  const socket = await open()
  try {
    let server = await startServer(socket)
    const endLoad = startLoad(socket, CLIENTS)
    for (let n = 0; n < RESTARTS; n++) {
      await delay(PAUSE, undefined, { signal })
      server = await restart(socket, server)
    }
    await delay(PAUSE, undefined, { signal })
    const figures = await endLoad()
    await stopServer(server)
    return figures
  } finally {
    await endAll()
    await socket.close()
  }
}

const COLUMNS = ['requests', 'refused', 'reset', 'slowest'] as const
const row = (cells: readonly string[]) => cells.map(cell => cell.padStart(10)).join('')

const story = task('story', async ({ signal }) => {
  console.log(`${CLIENTS} clients ask all the time, and half of them keep their connection.`)
  console.log(`The server is restarted ${RESTARTS} times in each way:\n`)
  console.log(' '.repeat(30) + row(COLUMNS))
  let [asked, failed] = [0, 0]
  for (const { what, kept, open, restart } of WAYS) {
    process.stdout.write(what.padEnd(30))
    const figures = await measure(open, restart, signal).catch(error => {
      // Ctrl-C on a terminal ends the servers too.
      if (!signal.aborted) throw error
    })
    if (!figures) return console.log('  stopped')
    const { requests, refused, reset, other, slowest } = figures
    console.log(row([...[requests, refused, reset].map(String), `${Math.round(slowest)} ms`]))
    if (other > 0) console.log(`  and ${other} requests that failed otherwise`)
    if (!kept) continue
    asked += requests
    failed += refused + reset + other
  }
  console.log(`\nWhere the socket was kept, ${failed} of ${asked} requests failed.`)
  console.log('While no server was there, they waited in its queue for the next one.')
  if (failed > 0) process.exitCode = 1
})

await run(serviceGroup('demo').add(story), { report: false })
