// A service that prints 100,000 lines at once, in all the ways of `write`, with two that listen or, with LISTEN=no,
// none. It tells what `write` answered and called back, and what is kept, as JSON in the file RESULT.
import { writeFileSync } from 'node:fs'
import { job, serviceGroup } from 'rx-service-group'
import { listenToConsole } from '../../../src/process/console-lines.ts'

const LINES = 100_000
const { stdout } = process

const first = process.env['LISTEN'] === 'no' ? undefined : listenToConsole('shop', () => {})
const second = first && listenToConsole('shop', () => {})
const answers: unknown[] = []
let calledBack = 0

const loud = job('loud', async () => {
  for (let n = 0; n < LINES; n++) {
    const text = `line ${n} of many\n`
    const onDone = (): void => void calledBack++
    const took =
      n % 4 === 0
        ? stdout.write(text, onDone)
        : n % 4 === 1
          ? stdout.write(text, 'utf8', onDone)
          : n % 4 === 2
            ? stdout.write(Buffer.from(text), onDone)
            : stdout.write(Buffer.from(text).toString('base64'), 'base64', onDone)
    if (n < 1_000) answers.push(took)
  }
  await new Promise<void>(resolve => void stdout.write('done\n', () => resolve()))
  // All of these in one write.
  stdout.write(`${Array.from({ length: LINES }, (_, n) => `again ${n}`).join('\n')}\n`)
  try {
    stdout.write(undefined as never)
  } catch (error) {
    answers.push((error as NodeJS.ErrnoException).code)
  }
})

await serviceGroup('shop').add(loud).start()
await new Promise<void>(resolve => void stdout.write('', () => resolve()))
first?.stop()
const wrapped = Object.hasOwn(stdout, 'write')
second?.stop()
const lines = second?.rings.of('shop/loud') ?? []
writeFileSync(
  process.env['RESULT']!,
  JSON.stringify({ answers, calledBack, wrapped, restored: !Object.hasOwn(stdout, 'write'), lines }),
)
