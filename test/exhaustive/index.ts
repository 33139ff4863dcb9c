// Explores the scenes of the tests, and larger ones, to their end: `npm run exhaustive`. Arguments are parts of titles
// that pick scenes. Options: `--small`, only the scenes of the tests; `--states n`, so many situations a scene;
// `--first`, ends at the first fault. EXPLORED_DIST names the `dist` folder of another build.
import { parseArgs } from 'node:util'
import { explore } from './explore.ts'
import { large } from './scenes/large.ts'
import { small } from './scenes/small.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    states: { type: 'string', default: 'Infinity' },
    small: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
  },
})
Error.stackTraceLimit = 0

const scenes = values.small ? small : [...small, ...large]
const picked = scenes.filter(({ title }) => positionals.length === 0 || positionals.some(part => title.includes(part)))
let [faultCount, explored] = [0, 0]
for (const scene of picked) {
  if (values.first && faultCount > 0) break
  const begun = performance.now()
  const limits = { states: Number(values.states), faults: values.first ? 1 : 10, everywhere: !values.small }
  const { states, plays, ended, cut, faults } = await explore(scene, limits)
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
  console.log(`${scene.title}: ${states}${cut ? ' of more' : ''} states, ${plays} plays, ${ended} ended, ${seconds} s`)
  for (const { message, inputs } of faults) console.log(`  FAULT ${message}\n    ${inputs.join(', ')}`)
  explored++
  faultCount += faults.length
}
console.log(`${explored} scenes, ${faultCount} faults`)
process.exitCode = faultCount > 0 ? 1 : 0
