// What a dashboard costs the group that it shows: 300 services at 1,000 transitions a second, the CPU time of their
// process with and without it, and with pages that watch from another process. Nothing passes or fails here.
// Run it with: node --import tsx test/bench/dashboard.ts
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Command, Measured } from './dashboard-group.ts'

const ROUNDS = 3

const start = (file: string, ...args: readonly string[]): ChildProcess =>
  fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--import', 'tsx'] })

const told = async <T>(child: ChildProcess): Promise<T> => (await once(child, 'message'))[0] as T

const measure = async (dashboard: boolean, watching: number, stuck: number): Promise<Measured> => {
  const group = start('dashboard-group.ts', dashboard ? 'dashboard' : 'alone')
  const port = await told<number>(group)
  const pages = start('dashboard-pages.ts', String(port), String(watching), String(stuck))
  await told(pages)
  const command: Command = { detail: stuck > 0 ? 1_000 : 20 }
  group.send(command)
  const measured = await told<Measured>(group)
  for (const child of [pages, group]) child.kill('SIGKILL')
  return measured
}

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const cases = [
  ['no dashboard', false, 0],
  ['a dashboard, nobody watches', true, 0],
  ['1 page', true, 1],
  ['20 pages', true, 20],
  ['200 pages', true, 200],
] as const

console.log(`300 services, 1,000 transitions a second; the median of ${ROUNDS} runs of 5 s each\n`)
const rows = new Map<string, Measured[]>(cases.map(([name]) => [name, []]))
for (let round = 0; round < ROUNDS; round++)
  for (const [name, dashboard, watching] of cases) rows.get(name)!.push(await measure(dashboard, watching, 0))
const of = (name: string, key: keyof Measured): number => middle(rows.get(name)!.map(one => one[key]))
const without = of('no dashboard', 'cpu')
console.table(
  Object.fromEntries(
    cases.map(([name]) => [
      name,
      {
        'transitions a second': Math.round(of(name, 'rate')),
        '% of a core': Number(of(name, 'cpu').toFixed(1)),
        'because of the dashboard': Number((of(name, 'cpu') - without).toFixed(1)),
        'event loop late, p99 ms': Number(of(name, 'late').toFixed(1)),
      },
    ]),
  ),
)

const { dropped, unread, rss } = await measure(true, 10, 1)
console.log(
  'A client that never reads beside 10 pages, with 1 KB a transition: what waited for it at most, when it was',
)
console.log(`dropped, and by how much the process had grown by the end: ${unread.toFixed(0)} KB,`)
console.log(`${dropped < 0 ? 'not dropped' : `after ${dropped.toFixed(1)} s`}, ${rss.toFixed(0)} MB`)
