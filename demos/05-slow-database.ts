/**
 * A database takes its time to start: what needs it waits, what does not starts meanwhile, and a cache that never comes
 * up fails alone.
 *
 *   node --import tsx demos/05-slow-database.ts
 *
 * `dependsOn` names what a service needs; `[]` says that it needs nothing. One that waits tells for whom, and
 * `group.status.reasons` tells who is not ready, and through whom. When all has been seen, the demo stops itself.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { service, serviceGroup } from 'rx-service-group'
import { log } from 'rx-service-group/log'
import { NEVER, timer } from 'rxjs'

const group = serviceGroup('shop')
  .add(service('database', { start: () => timer(800) }), { dependsOn: [] })
  .add(service('cache', { start: () => NEVER }), { dependsOn: [], optional: true, startTimeout: 500 })
  .add(service('mailer', { start: () => timer(100) }), { dependsOn: [] })
  .add(service('orders', { start: () => timer(100) }), { dependsOn: ['database'] })
  .add(service('api', {}), { dependsOn: ['orders', 'mailer'] })

log(group)
// Not `run`: the cache has failed, and `run` would make an exit code 1 of it.
const started = group.start()

await delay(300)
console.log('\nNot ready:')
for (const { path, phase, through } of group.status.reasons)
  console.log(`  ${path.padEnd(13)}  ${phase.padEnd(8)}  ${through ? `through ${through.join(', ')}` : ''}`.trimEnd())
console.log()

await started
await delay(300)
await group.stop('the story is told')
