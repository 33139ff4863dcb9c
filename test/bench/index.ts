// What it costs to start and stop many services, beside others that do the like. Everything is measured in this one
// run, each cold in a process of its own, in turns; so compare within a run, not between machines. Nothing passes or
// fails here.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { contenders } from './contenders.ts'
import { median } from './statistics.ts'

const SIZES = [1_000, 10_000, 100_000]
const names = Object.keys(contenders)

const printOf = (file: string, ...args: readonly string[]): string => {
  const script = fileURLToPath(new URL(file, import.meta.url))
  return execFileSync(process.execPath, ['--import', 'tsx', script, ...args], { encoding: 'utf8' })
}
const runCold = (file: string, ...args: readonly string[]): number => Number(printOf(file, ...args))

const measured = new Map<string, number>()
for (const size of SIZES) {
  const rounds = size > 10_000 ? 3 : 5
  const took = new Map<string, number[]>(names.map(name => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const name of names) took.get(name)!.push(runCold('start-and-stop.ts', name, String(size)))
  for (const name of names) measured.set(`${name} ${size}`, median(took.get(name)!))
}
const of = (name: string, size: number): number => measured.get(`${name} ${size}`)!

const [first = ''] = names
console.log('Start and stop of services that do nothing; every one of ours is told to a listener of status$.\n')
for (const size of SIZES) {
  const table = names.map(name => [
    name,
    {
      ms: Number(of(name, size).toFixed(1)),
      'µs a service': Number(((of(name, size) * 1000) / size).toFixed(1)),
      [`${first} : it`]: Number((of(first, size) / of(name, size)).toFixed(2)),
    },
  ])
  console.log(`${size.toLocaleString('en')} services, median`)
  console.table(Object.fromEntries(table))
}

console.log('How it grows: the exponent between two sizes; 1 is in proportion to their number.')
const exponent = (name: string, small: number, large: number): number =>
  Math.log(of(name, large) / of(name, small)) / Math.log(large / small)
console.table(
  Object.fromEntries(
    names.map(name => [
      name,
      Object.fromEntries(
        SIZES.slice(1).map((large, n) => [
          `${SIZES[n]} to ${large}`,
          Number(exponent(name, SIZES[n]!, large).toFixed(2)),
        ]),
      ),
    ]),
  ),
)

console.log('One transition of one among many, with status$ subscribed.')
const transition = [10, 1_000, 100_000].map(size => {
  const runs = Array.from({ length: 3 }, () => runCold('transition.ts', String(size)))
  return [`${size.toLocaleString('en')} services`, { µs: Number(median(runs).toFixed(2)) }]
})
console.table(Object.fromEntries(transition))

console.log('One transition of one among 300, with each that may look on.')
const { transitions, scrape, lines, bytes } = JSON.parse(printOf('metrics.ts')) as {
  transitions: Readonly<Record<string, number>>
  scrape: number
  lines: number
  bytes: number
}
console.table(
  Object.fromEntries(
    Object.entries(transitions).map(([name, ns]) => [
      name,
      { µs: Number((ns / 1000).toFixed(2)), 'it : nobody': Number((ns / transitions['nobody']!).toFixed(2)) },
    ]),
  ),
)
console.log(`A scrape of 300 services: ${scrape.toFixed(1)} ms, ${lines} lines, ${Math.round(bytes / 1000)} kB.`)

await import('./page.ts')
await import('./http.ts')
await import('./amqp.ts')
await import('./amqp-reconnect.ts')
