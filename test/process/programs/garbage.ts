/**
 * Objects that are kept after a full collection, then released, as a gauge of memory reads them. V8 begins no
 * collection by itself here: its heap may grow to a gigabyte first.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { startMemoryGauge } from '../../../src/process/memory-use.ts'

const MB = 2 ** 20
const gauge = startMemoryGauge()

/** The megabytes that the gauge reads, beside those in use. */
const read = (): readonly [gauge: number, used: number] => [
  gauge.read().heap.used / MB,
  process.memoryUsage().heapUsed / MB,
]

const collect = async (): Promise<void> => {
  globalThis.gc?.()
  // The observer hears of it in a later turn.
  for (let n = 0; n < 3; n++) await turn()
}

const say = (what: string, isSo: boolean): void => console.log(`${what}: ${isSo}`)

await collect()
const [before] = read()
let kept: unknown[] | undefined = Array.from({ length: 300_000 }, (_, n) => ({ n, text: `text ${n}` }))
const [garbage, used] = read()
say('what may be garbage is not told', garbage - before < 5 && used - before > 20)
await collect()
const [counted] = read()
say('what a full collection has left is told', counted - before > 20 && kept.length > 0)
kept = undefined
await collect()
say('what it has released is not', read()[0] - before < 5)
gauge.stop()
