/**
 * The view of Kubernetes: a shop with a flaky database, whose probes are asked at each turn of its life.
 *
 *   node --import tsx demos/12-probes.ts     (PORT=8081; meanwhile: curl 'localhost:8081/healthz?verbose')
 *
 * A bad database takes the readiness of the shop, and never its life. At SIGTERM readiness is gone at once, and the
 * probes, being an observer, answer until all the others are gone. When the story is told, the demo ends itself.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type GroupStatus, run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { probes } from 'rx-service-group/probes'
import { filter, firstValueFrom } from 'rxjs'

const port = Number(process.env['PORT'] ?? 8081)
let mood: { readonly health: 'pass' | 'warn' | 'fail'; readonly detail?: string } = { health: 'pass' }

const group = serviceGroup('shop', { drainDelay: 700 })
  .add(service('db', { start: () => delay(700), stop: () => delay(700) }), {
    dependsOn: [],
    healthCheck: { check: () => mood, interval: 50, failureThreshold: 1 },
  })
  .add(service('api', { drain: () => delay(700) }), { dependsOn: ['db'] })

// The messages of errors are told only because of `details`.
const watch = http('probes', probes(group, { details: true }), { port })
group.add(watch, { observer: true })

const until = (so: (status: GroupStatus) => boolean) => firstValueFrom(group.status$.pipe(filter(so)))

const PROBES = ['livez', 'startupz', 'readyz', 'healthz']
type Told = [object, object, { readonly notes?: readonly string[] }, object]

/** A line of the table: what each probe answers now, and what is the matter. */
const look = async (when: string) => {
  const answers = await Promise.all(PROBES.map(probe => fetch(`${watch.url}/${probe}`)))
  const codes = answers.map(({ status }) => String(status).padEnd(10))
  const [, , { notes = [] }] = (await Promise.all(answers.map(answer => answer.json()))) as Told
  console.log(`${when.padEnd(12)}${codes.join('')}${notes.join('; ')}`.trimEnd())
}

/** The database comes to feel otherwise. */
const turn = async (when: string, next: typeof mood) => {
  mood = next
  await until(({ health }) => health === next.health)
  await look(when)
}

const over = run(group)
await until(status => status.service('db')?.state.phase === 'starting')
console.log(`${''.padEnd(12)}${PROBES.map(probe => probe.padEnd(10)).join('')}`.trimEnd())
await look('it starts')
await group.ready
await look('it is up')
await turn('db is slow', { health: 'warn', detail: 'answers in 900 ms' })
await turn('db is gone', { health: 'fail', detail: 'no answer' })
await turn('db is back', { health: 'pass' })

process.kill(process.pid, 'SIGTERM')
await until(({ trigger }) => trigger !== undefined)
await look('SIGTERM')
await until(({ phase }) => phase === 'draining')
await look('api drains')
await until(status => status.service('db')?.state.phase === 'stopping')
await look('db closes')
await over
