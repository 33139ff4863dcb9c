// What one transition costs among many services, with a status for each: prints microseconds.
import type { ServiceContext } from 'rx-service-group'
import { libraryOf } from './library.ts'

const count = Number(process.argv[2])
const { service, serviceGroup } = await libraryOf(process.argv[3])
/** Enough for what is copied only now and then, once in twice as many transitions as there are services, to count. */
const TRANSITIONS = Math.max(50_000, 2 * count)
const contexts: ServiceContext[] = []
let statuses = 0

const group = serviceGroup('bench')
for (let n = 0; n < count; n++)
  group.add(
    service(`s${n}`, {
      start: context => {
        contexts.push(context)
      },
    }),
  )
await group.start()
group.status$.subscribe(() => statuses++)

const change = (times: number): void => {
  for (let n = 0; n < times; n++) contexts[n % count]!.setHealth('pass', `change ${n}`)
}
change(TRANSITIONS)
const begun = performance.now()
change(TRANSITIONS)
const took = performance.now() - begun
if (statuses < 2 * TRANSITIONS) throw new Error(`only ${statuses} statuses`)
console.log((took * 1000) / TRANSITIONS)
await group.stop()
