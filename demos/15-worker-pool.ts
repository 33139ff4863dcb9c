/**
 * A pool of three worker threads, and a job every 100 ms. One job is poisoned: it kills a thread, and then another one,
 * and is tried no more; both are restarted, while the third goes on.
 *
 *   node --import tsx demos/15-worker-pool.ts
 *
 * Then press Ctrl-C: no new jobs; what was accepted is done, for the jobs depend on the pool, so that they drain before
 * it; then the threads stop. The last line says that no job was lost.
 */
import { run, serviceGroup } from 'rx-service-group'
import { log } from 'rx-service-group/log'
import { worker } from 'rx-service-group/worker'
import { dispatcher } from './support/pool.ts'

const thread = new URL('./support/pool-thread.mjs', import.meta.url)
const jobs = dispatcher()

const pool = serviceGroup('pool')
for (const name of ['first', 'second', 'third'])
  pool.add(worker(name, thread, { attach: jobs.join }), {
    dependsOn: [],
    restart: { policy: 'permanent', initialDelay: 300 },
  })

const produce = () => {
  const producing = setInterval(() => jobs.add(jobs.count.accepted === 9 ? -1 : 800_000), 100)
  return () => clearInterval(producing)
}
const group = serviceGroup('shop')
  .add(pool, { dependsOn: [] })
  .add(jobs.service(produce), { dependsOn: ['pool'] })

log(group)
await run(group)
const { accepted, done, givenUp } = jobs.count
console.log(
  `\n${accepted} jobs were accepted, ${done} are done, ${givenUp} was given up: ${accepted - done - givenUp} lost.`,
)
