// One cold run of one contender, in a process of its own: prints how many milliseconds it took.
import { contenders } from './contenders.ts'

const [name = '', count = '0'] = process.argv.slice(2)
const contender = contenders[name]
if (!contender) throw new Error(`no contender "${name}"`)
const begun = performance.now()
const calls = await contender(Number(count))
const took = performance.now() - begun
if (calls !== 2 * Number(count)) throw new Error(`${name}: ${calls} calls for ${count} services`)
console.log(took)
