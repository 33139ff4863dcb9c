// Explores the scenes of the tests, and larger ones, to their end: `npm run exhaustive`. Arguments are parts of titles
// that pick scenes; `--states n` ends each exploration after so many situations; EXPLORED_DIST names another build.
import { parseArgs } from 'node:util'
import { explore } from './explore.ts'
import { large } from './scenes/large.ts'
import { small } from './scenes/small.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { states: { type: 'string', default: 'Infinity' }, small: { type: 'boolean', default: false } },
})
Error.stackTraceLimit = 0

const scenes = values.small ? small : [...small, ...large]
const picked = scenes.filter(({ title }) => positionals.length === 0 || positionals.some(part => title.includes(part)))
let faults = 0
for (const scene of picked) {
  const begun = performance.now()
  const found = await explore(scene, { states: Number(values.states), faults: 10, everywhere: !values.small })
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
  const { states, plays, ended, cut } = found
  const counts = `${states} states${cut ? ' (not all)' : ''}, ${plays} plays, ${ended} ended, ${seconds} s`
  console.log(`${scene.title}: ${counts}`)
  for (const { message, inputs } of found.faults) console.log(`  FAULT ${message}\n    ${inputs.join(', ')}`)
  faults += found.faults.length
}
console.log(`${picked.length} scenes, ${faults} faults`)
process.exitCode = faults > 0 ? 1 : 0
