/**
 * A group that watches the memory of its process, which fills until the group says so, and then lets go of it.
 * The argument says what is filled: `heap` (objects) or `resident` (buffers).
 */
import { serviceGroup } from 'rx-service-group'
import { memoryUse } from 'rx-service-group/memory'
import { filter, firstValueFrom } from 'rxjs'

const [what] = process.argv.slice(2)
const kept: unknown[] = []
const fill = {
  heap: () => kept.push(Array.from({ length: 5_000 }, (_, n) => ({ n, text: `text ${n}` }))),
  resident: () => kept.push(Buffer.alloc(2 ** 20, 1)),
}[what as 'heap' | 'resident']

const group = serviceGroup('shop').add(memoryUse('memory', { interval: 50, warn: 0.65, fail: 0.75 }), {
  observer: true,
})
await group.start()
group.health$.subscribe(({ health, ready, detail }) =>
  console.log([health, ready, detail].filter(x => x !== undefined).join(' ')),
)

/** Fills memory until its share has come so far, then waits for the group to say so. */
const fillUntil = async (health: string, share: number): Promise<void> => {
  const of = (): number => {
    const {
      heapMB = 0,
      heapLimitMB = 1,
      residentMB = 0,
      residentLimitMB = 1,
    } = (group.status.service('memory')?.state.info ?? {}) as Record<string, number>
    return what === 'heap' ? heapMB / heapLimitMB : residentMB / residentLimitMB
  }
  while (of() < share) {
    fill()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await firstValueFrom(group.status$.pipe(filter(status => status.health === health)))
}

await fillUntil('warn', 0.66)
await fillUntil('fail', 0.76)
kept.length = 0
// The heap is told as the last full collection has left it.
const collecting = setInterval(() => globalThis.gc?.(), 100)
await firstValueFrom(group.status$.pipe(filter(({ health }) => health === 'pass')))
clearInterval(collecting)
await group.stop()
const left = process.getActiveResourcesInfo().filter(kind => kind !== 'PipeWrap')
console.log(`alive because of: ${left.join(', ')}`)
console.log(group.status.phase)
