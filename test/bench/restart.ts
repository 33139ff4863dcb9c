// What one restart costs among many services, failing at random and by hand: prints microseconds, and how they grow.
import { type ServiceContext, service, serviceGroup } from 'rx-service-group'
import { VirtualAction, VirtualTimeScheduler } from 'rxjs'

const RESTARTS = 20_000

const measure = async (count: number): Promise<{ readonly failing: number; readonly byHand: number }> => {
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
  fail(RESTARTS / 4)
  const begun = performance.now()
  fail(RESTARTS)
  const between = performance.now()
  await restart(RESTARTS / 4)
  const then = performance.now()
  await restart(RESTARTS)
  const byHand = ((performance.now() - then) * 1_000) / RESTARTS
  void group.stop()
  return { failing: ((between - begun) * 1_000) / RESTARTS, byHand }
}

Error.stackTraceLimit = 0
const first = await measure(100)
for (const count of [100, 1_000, 10_000]) {
  const { failing, byHand } = count === 100 ? first : await measure(count)
  const ratio = (now: number, before: number): string => `${now.toFixed(1)} µs (x ${(now / before).toFixed(2)})`
  console.log(`${count} services: failing ${ratio(failing, first.failing)}, by hand ${ratio(byHand, first.byHand)}`)
}
