/**
 * A group that watches its event loop, which is blocked for longer and longer until the group says so, and then not.
 */
import { serviceGroup } from 'rx-service-group'
import { eventLoopDelay } from 'rx-service-group/event-loop'
import { filter, firstValueFrom } from 'rxjs'

const group = serviceGroup('shop').add(
  eventLoopDelay('event-loop', { interval: 200, warn: 100, fail: 600, threshold: 2 }),
  {
    observer: true,
  },
)
await group.start()
group.health$.subscribe(({ health, ready, detail }) =>
  console.log([health, ready, detail].filter(x => x !== undefined).join(' ')),
)

/** Blocks the loop for so long each turn, until the group is this well. */
const blockUntil = async (wanted: string, ms: number): Promise<void> => {
  while (group.status.health !== wanted) {
    const end = performance.now() + ms
    while (performance.now() < end);
    await new Promise(resolve => setTimeout(resolve))
  }
}

await blockUntil('warn', 250)
await blockUntil('fail', 800)
await firstValueFrom(group.status$.pipe(filter(({ health }) => health === 'pass')))
await group.stop()
console.log(
  `alive because of: ${process
    .getActiveResourcesInfo()
    .filter(kind => kind !== 'PipeWrap')
    .join(', ')}`,
)
console.log(group.status.phase)
