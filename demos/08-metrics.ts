/**
 * Metrics for Prometheus: a server of their own serves /metrics beside a worker that dies again and again.
 *
 *   node --import tsx demos/08-metrics.ts                    (PORT=8080, LIVES=20)
 *   curl localhost:8080/metrics | grep worker
 *
 * The service that is scraped is an `observer`: it answers until all the others are gone. When the worker has used up
 * its lives it ends well, and the group with it; the last values are still there then, for a last look or a push.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { register } from 'prom-client'
import { run, serviceGroup, task } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { metrics } from 'rx-service-group/metrics'

const port = Number(process.env['PORT'] ?? 8080)
let lives = Number(process.env['LIVES'] ?? 20)

const worker = task('worker', async ({ signal }) => {
  await delay(1_000, undefined, { signal })
  if (--lives > 0) throw new Error('the connection was lost')
})

const group = serviceGroup('shop').add(worker, {
  restart: { policy: 'transient', initialDelay: 500, factor: 1, maxRestarts: lives },
  onEnd: 'stop-group',
})
const scraped = http('metrics', metrics(group), { port })
group.add(scraped, { observer: true })

log(group)
const over = run(group)
await group.ready
console.log(`\nTry:  curl -s ${scraped.url}/metrics | grep worker\n`)
await over

console.log('The last values of the worker:')
for (const line of (await register.metrics()).split('\n'))
  if (/_(total|sum|count)\{.*"worker"/.test(line)) console.log(`  ${line}`)
