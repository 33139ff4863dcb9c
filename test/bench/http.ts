// The CPU time of a server for each request, under a group and bare, and with what others put around a server. All
// run beside each other, each in a process of its own, and are asked in turns, a few thousand requests at a time; so
// what the machine does meanwhile meets all of them. Two bare servers tell what is mere chance. Nothing passes or
// fails here. Run it with: node --import tsx test/bench/http.ts
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { contenders } from './http-contenders.ts'
import { load } from './http-load.ts'
import { type Contender, measureInTurns } from './in-turns.ts'

/** Two processes of the same code may differ by some percent, for good. So there are several of each. */
const PROCESSES = 5
const SLICES = 20
const REQUESTS = 3_000
const WARM_UP = 20_000

const told = async <T>(child: ChildProcess): Promise<T> => (await once(child, 'message'))[0] as T

const start = async (name: string): Promise<Contender> => {
  const child = fork(fileURLToPath(new URL('http-server.ts', import.meta.url)), [name], {
    execArgv: ['--import', 'tsx'],
  })
  const port = await told<number>(child)
  const cpu = () => {
    child.send('cpu')
    return told<number>(child)
  }
  const ask = async (amount: number): Promise<number> => {
    const before = await cpu()
    await load(port, amount)
    return ((await cpu()) - before) / amount
  }
  await ask(WARM_UP)
  return { name, slice: () => ask(REQUESTS), end: () => child.kill() }
}

await measureInTurns(
  `Server CPU for each request: ${PROCESSES} processes of each kind, ${SLICES} slices of ${REQUESTS} requests in turns`,
  Object.keys(contenders),
  { processes: PROCESSES, slices: SLICES },
  start,
)
