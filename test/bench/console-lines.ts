// What it costs to hear the console lines of services: one that prints 100,000 lines, with and without a listener, by
// `console.log` and by `process.stdout.write`, each in a process of its own, in turns. Nothing passes or fails here.
// Run it with: node --import tsx test/bench/console-lines.ts
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { job, serviceGroup } from 'rx-service-group'
import { listenToConsole } from '../../src/process/console-lines.ts'
import { median } from './statistics.ts'

const LINES = 100_000
const ROUNDS = 9

const measure = async (how: string, listens: boolean): Promise<number> => {
  const heard = listens ? listenToConsole('bench', () => {}) : undefined
  let took = 0
  const loud = job('loud', async () => {
    await Promise.resolve()
    const begun = performance.now()
    for (let n = 0; n < LINES; n++) {
      const text = `2026-11-27T01:02:03.004Z info order ${n} was taken from the queue and written to the table`
      if (how === 'console.log') console.log(text)
      else process.stdout.write(`${text}\n`)
    }
    took = performance.now() - begun
  })
  await serviceGroup('bench').add(loud).start()
  heard?.stop()
  return took
}

const [how, listens] = process.argv.slice(2)
if (how !== undefined) process.stderr.write(String(await measure(how, listens === 'yes')))
else {
  const script = fileURLToPath(import.meta.url)
  const once = (...args: readonly string[]): number =>
    Number(
      execFileSync('sh', ['-c', '"$0" "$@" 2>&1 >/dev/null', process.execPath, '--import', 'tsx', script, ...args], {
        encoding: 'utf8',
      }),
    )
  for (const how of ['console.log', 'write']) {
    const took: Record<string, number[]> = { no: [], yes: [] }
    for (let round = 0; round < ROUNDS; round++)
      for (const listens of ['no', 'yes']) took[listens]!.push(once(how, listens))
    const [without, heard] = [median(took['no']!), median(took['yes']!)]
    console.log(
      `${how}: ${LINES.toLocaleString('en')} lines took ${without.toFixed(0)} ms, heard ${heard.toFixed(0)} ms: ` +
        `${(heard / without).toFixed(2)} times as long, ${(((heard - without) * 1000) / LINES).toFixed(2)} µs more a line`,
    )
  }
}
