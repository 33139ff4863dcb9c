// What one restart and one removal cost among many services: prints microseconds, as JSON.
import type { ServiceContext } from 'rx-service-group'
import { VirtualAction, VirtualTimeScheduler } from 'rxjs'
import { libraryOf } from './library.ts'

const RESTARTS = 10_000
const REMOVALS = 50
const count = Number(process.argv[2])
const { service, serviceGroup } = await libraryOf(process.argv[3])
Error.stackTraceLimit = 0

const clock = new VirtualTimeScheduler(VirtualAction)
const contexts: ServiceContext[] = []
const group = serviceGroup('bench', { clock })
for (let n = 0; n < count; n++)
  group.add(
    service(`s${n}`, {
      start: context => {
        contexts[n] = context
      },
    }),
    { restart: { policy: 'permanent', initialDelay: 1, factor: 1, jitter: 0, maxRestarts: Infinity } },
  )
await group.start()

let seed = 1
const random = (): number => {
  seed = (seed * 48_271) % 2_147_483_647
  return seed % count
}
const fail = (times: number): void => {
  for (let n = 0; n < times; n++) {
    contexts[random()]!.fail(new Error('lost'))
    clock.flush()
  }
}
const restart = async (times: number): Promise<void> => {
  for (let n = 0; n < times; n++) await group.restart(`s${random()}`)
}
/** Spread over the whole group, so that no end of the list is favoured. */
const remove = async (times: number): Promise<void> => {
  const apart = Math.floor(count / times)
  for (let n = 0; n < times; n++) await group.remove(`s${n * apart}`)
}
const micros = async (times: number, work: (times: number) => void | Promise<void>): Promise<number> => {
  const begun = performance.now()
  await work(times)
  return ((performance.now() - begun) * 1_000) / times
}

fail(RESTARTS / 4)
const failing = await micros(RESTARTS, fail)
await restart(RESTARTS / 4)
const byHand = await micros(RESTARTS, restart)
const removal = await micros(REMOVALS, remove)
void group.stop()
console.log(JSON.stringify({ failing, byHand, removal }))
