// What a service that runs keeps on the heap, and how deep the stack is when its hooks and a listener are called:
// prints JSON. Node has to be started with --expose-gc.
import { libraryOf } from './library.ts'

const count = Number(process.argv[2])
const { service, serviceGroup } = await libraryOf(process.argv[3])
Error.stackTraceLimit = Infinity

/** How many frames the stack has below the first line of its text, without this function and the one that calls it. */
const depth = (): number => new Error().stack!.split('\n').length - 3
const heap = (): number => {
  gc!()
  gc!()
  return process.memoryUsage().heapUsed
}

const frames = { start: 0, running: 0, stop: 0 }
const deepest = (at: keyof typeof frames): void => {
  frames[at] = Math.max(frames[at], depth())
}
const watched = serviceGroup('frames')
for (let n = 0; n < 20; n++)
  watched.add(service(`s${n}`, { start: () => deepest('start'), stop: () => deepest('stop') }))
watched.events$.subscribe(event => {
  if (event.kind === 'transition' && event.state.phase === 'running' && !event.state.leaving) deepest('running')
})
await watched.start()
await watched.stop()

const nothing = (): void => undefined
const before = heap()
const group = serviceGroup('heap')
for (let n = 0; n < count; n++) group.add(service(`s${n}`, { start: nothing, stop: nothing }))
group.status$.subscribe(nothing)
await group.start()
const bytes = (heap() - before) / count
await group.stop()
console.log(JSON.stringify({ bytes, ...frames }))
