import { large } from './scenes/large.ts'
import { small } from './scenes/small.ts'
import { wordOf } from './words.ts'
import { World } from './world.ts'

Error.stackTraceLimit = 0
const [title, ...inputs] = process.argv.slice(2)
const scene = [...small, ...large].find(s => s.title === title)!
const world = new World(scene)
world.group.events$.subscribe({
  next: e =>
    console.log(
      '   ',
      e.seq,
      e.kind === 'transition' ? `${e.path} ${wordOf(e.state)}` : `${e.kind} ${'path' in e ? e.path : ''}`,
    ),
  complete: () => console.log('    |'),
})
for (const i of inputs) {
  console.log(i)
  world.do(i)
  await new Promise(r => setImmediate(r))
  world.rules.rest()
  console.log(
    '  ',
    world.rules.broken.join('; '),
    '\n  ',
    world.held.map(h => `${h.path} ${h.describe()}`).join(', '),
    [...world.calls].join(' '),
  )
}
console.log(world.latest?.seq, world.group.status.seq)
