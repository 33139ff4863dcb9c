// One cold run of one contender, in a process of its own: prints how many milliseconds it took.
import { contenders } from './contenders.ts'

const [name = '', count = '0', dist] = process.argv.slice(2)
const load = contenders[name]
if (!load) throw new Error(`no contender "${name}"`)
const contender = await load(dist)
const begun = performance.now()
const calls = await contender(Number(count))
const took = performance.now() - begun
if (calls !== 2 * Number(count)) throw new Error(`${name}: ${calls} calls for ${count} services`)
console.log(took)
