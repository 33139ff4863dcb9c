/**
 * The dashboard that comes with the library, on a shop with a life of its own.
 *
 *   node --import tsx demos/10-dashboard.ts     (PORT=9000), then open the address it prints, and press Ctrl-C
 *
 * It is an observer: it shows the start from before the first service, and the shutdown until all the others are gone.
 * The page keeps that on screen. Start the demo again, and it shows the new process.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { job, run, service, serviceGroup, task } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { http } from 'rx-service-group/http'
import { filter, map, take, timer } from 'rxjs'

const takes = (start: number, drain: number, stop: number) =>
  ({ start: () => delay(start), drain: () => delay(drain), stop: () => delay(stop) }) as const

/** Works for a while, then loses its connection. */
const flaky = (name: string, lasts: number) =>
  task(name, () =>
    timer(lasts).pipe(
      map(() => {
        throw new Error('connect ECONNREFUSED 10.0.0.7:5672')
      }),
    ),
  )

const again = { policy: 'permanent', initialDelay: 2_000, maxRestarts: Infinity } as const

const workers = serviceGroup('workers', { strategy: 'rest-for-one' })
  .add(flaky('connection', 12_000), { restart: again })
  .add(service('orders', takes(300, 1_500, 200)))
  .add(service('mails', takes(200, 800, 100)))

const group = serviceGroup('shop')
  .add(job('migrate', () => delay(700)))
  .add(service('db', takes(1_500, 0, 600)), { dependsOn: ['migrate'] })
  .add(service('cache', takes(600, 0, 50)), { dependsOn: [], optional: true })
  .add(flaky('prices', 7_000), { dependsOn: ['cache'], optional: true, restart: again })
  .add(workers, { dependsOn: ['db'] })
  .add(service('api', takes(200, 2_000, 100)), { dependsOn: ['db', 'cache', 'workers'] })

const token = process.env['TOKEN'] ?? randomUUID()
const port = Number(process.env['PORT'] ?? 9000)
const watch = http('dashboard', dashboard(group, { token }), { port, host: '127.0.0.1' })
group.add(watch, { observer: true })

const up$ = group.status$.pipe(
  map(() => watch.url),
  filter(url => url !== undefined),
  take(1),
)
up$.subscribe(url => console.log(`Open ${url} and watch; the token for restarts is ${token}. Then press Ctrl-C.`))
await run(group)
