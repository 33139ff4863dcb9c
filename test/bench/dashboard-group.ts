// A group of 300 services, with or without a dashboard, that changes 1,000 times a second and tells what it cost.
import { createServer, type ServerResponse } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import express from 'express'
import { dashboard } from 'rx-service-group/dashboard'
import { http } from 'rx-service-group/http'
import { changingGroup } from './changing-group.ts'

export interface Command {
  /** How long the text is that changes. */
  readonly detail: number
}

export interface Measured {
  /** CPU time of this process, in percent of one core. */
  readonly cpu: number
  readonly rate: number
  readonly late: number
  /** Seconds until the first client was dropped; -1 when none was. */
  readonly dropped: number
  /** The most that waited for one client, in KB. */
  readonly unread: number
  /** What the process has grown by, in MB. */
  readonly rss: number
}

const SERVICES = 300
const EVERY = 10
const WARM_UP = 2_000
const LASTS = 5_000

const { group, contexts } = changingGroup(SERVICES)
const app = express()
if (process.argv[2] === 'dashboard') app.use(dashboard(group))
const server = createServer(app)
const responses = new Set<ServerResponse>()
let begun = 0
let dropped = -1
server.on('request', (_, response) => {
  responses.add(response)
  response.once('close', () => {
    responses.delete(response)
    if (begun > 0 && dropped < 0) dropped = (performance.now() - begun) / 1000
  })
})
group.add(http('web', server, { host: '127.0.0.1' }), { observer: true })
await group.start()
process.send!(group.status.service('bench/web')?.state.info?.['port'])

process.once('message', ({ detail }: Command) => {
  const text = 'x'.repeat(detail)
  const loop = monitorEventLoopDelay({ resolution: 5 })
  let changes = 0
  let unread = 0
  let cpu = process.cpuUsage()
  const started = performance.now()
  const rss = process.memoryUsage().rss
  setInterval(() => {
    const due = Math.floor(performance.now() - started)
    for (; changes < due; changes++) contexts[changes % SERVICES]!.setHealth('pass', `${text} ${changes}`)
    for (const { writableLength } of responses) unread = Math.max(unread, writableLength / 1024)
  }, EVERY)
  begun = started
  let from = { at: 0, changes: 0 }
  setTimeout(() => {
    cpu = process.cpuUsage()
    from = { at: performance.now(), changes }
    loop.enable()
  }, WARM_UP)
  setTimeout(
    () => {
      const { user, system } = process.cpuUsage(cpu)
      const seconds = (performance.now() - from.at) / 1000
      const measured: Measured = {
        cpu: (user + system) / 1e4 / seconds,
        rate: (changes - from.changes) / seconds,
        late: loop.percentile(99) / 1e6 - 5,
        dropped,
        unread,
        rss: (process.memoryUsage().rss - rss) / 2 ** 20,
      }
      process.send!(measured)
    },
    WARM_UP + LASTS + (detail > 100 ? 10_000 : 0),
  )
})
