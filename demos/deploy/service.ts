/**
 * The program that the files of this folder run: an API, a schedule, a watch over memory, and probes.
 *
 *   node --import tsx demos/deploy/service.ts             (PORT=8080, PROBES_PORT=8081, DRAIN_DELAY=0)
 *   node --import tsx demos/deploy/service.ts --plan      (prints the times that the files have to fit)
 */
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { run, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { memoryUse } from 'rx-service-group/memory'
import { probes } from 'rx-service-group/probes'
import { schedule } from 'rx-service-group/schedule'

const number = (name: string, fallback: number): number => Number(process.env[name] ?? fallback)

/** Takes a second for each answer. */
const api = createServer(async (_, response) => {
  response.write('hello ')
  await delay(1_000)
  response.end('world\n')
})

/** The socket that systemd holds, so that a restart refuses nobody, or a port. */
const place = process.env['LISTEN_FDS'] ? { fd: 'web' } : { port: number('PORT', 8080) }

/** Each has a second to close what it has open: its work is done when it is stopped. */
const quick = { startTimeout: 5_000, stopTimeout: 1_000 }

/** How long load balancers may still send requests after the platform has asked the process to end. */
const drainDelay = number('DRAIN_DELAY', 0)

const group = serviceGroup('shop', { drainDelay, shutdownTimeout: drainDelay + 30_000 })
  .add(
    schedule('prices', '*/5 * * * *', () => delay(200)),
    { ...quick, drainTimeout: 10_000 },
  )
  .add(http('api', api, place), { ...quick, drainTimeout: 25_000 })
  .add(memoryUse(), { ...quick, observer: true, dependsOn: [] })

const watch = http('probes', probes(group), { port: number('PROBES_PORT', 8081) })
group.add(watch, { ...quick, observer: true, dependsOn: [] })

if (process.argv.includes('--plan')) {
  console.log(JSON.stringify(group.plan(), null, 2))
} else {
  log(group)
  await run(group)
}
