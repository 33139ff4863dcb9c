// Plays one sequence of inputs and prints what the group says, so that a fault can be read:
// `node --import tsx test/exhaustive/trace.ts 'a removal from a list' call:start g/a:answer 'call:remove b'`.
import { large } from './scenes/large.ts'
import { small } from './scenes/small.ts'
import { wordOf } from './words.ts'
import { World } from './world.ts'

Error.stackTraceLimit = 0
const [title = '', ...inputs] = process.argv.slice(2)
const scene = [...small, ...large].find(other => other.title === title)
if (!scene) throw new Error(`no scene "${title}"`)

const world = new World(scene)
world.group.events$.subscribe({
  next: event => {
    if (event.kind === 'transition') console.log(`  ${event.seq} ${event.path} ${wordOf(event.state)}`)
    else console.log(`  ${event.seq} ${event.kind} ${event.kind === 'snapshot' ? '' : event.path}`)
  },
  complete: () => console.log('  events$ completes'),
})
for (const input of inputs) {
  console.log(input)
  world.do(input)
  await new Promise(resolve => setImmediate(resolve))
  const calls = [...world.calls].map(([call, result]) => `${call}: ${result}`)
  console.log(`  [${world.held.map(held => `${held.path} ${held.describe()}`).join(', ')}]\n  [${calls.join(', ')}]`)
  for (const broken of world.rules.broken.splice(0)) console.log(`  FAULT ${broken}`)
}
