import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { scripts } from '../../support/scripts.ts'

vi.setConfig({ testTimeout: 60_000 })

const script = scripts()

/** Writes as much as is taken: lines, or one that never ends. */
const writer = script(`
  import { isMainThread } from 'node:worker_threads'
  if (isMainThread) process.on('SIGTERM', () => process.exit(0))
  const chunk = process.argv.at(-1) === 'flat' ? 'x'.repeat(65536) : ('x'.repeat(99) + '\\n').repeat(655)
  const write = () => {
    for (let n = 0; n < 100; n++) if (!process.stdout.write(chunk)) return process.stdout.once('drain', write)
    setImmediate(write)
  }
  write()
`)

/** Wants all that it has written to be taken before it ends. */
const thorough = script(`
  const chunk = 'x'.repeat(65536)
  const write = () => {
    while (process.stdout.write(chunk));
  }
  process.stdout.on('drain', write)
  process.on('SIGTERM', () => {
    process.stdout.off('drain', write)
    process.stdout.write('the end\\n', () => process.exit(0))
  })
  write()
`)

const children = new Set<ReturnType<typeof spawn>>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

interface Told {
  readonly grown: number
  readonly grownInAll: number
  readonly ok: boolean
  readonly took: number
  readonly errors: readonly unknown[]
}

/** @param stdout 'pipe': nobody reads; 'ignore': all is taken. */
const shop = async (stdout: 'pipe' | 'ignore', ...args: readonly string[]): Promise<Told> => {
  const program = fileURLToPath(new URL('loud-shop.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], { stdio: ['ignore', stdout, 'pipe'] })
  children.add(child)
  let told = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    told += text
  })
  await once(child, 'exit')
  return JSON.parse(told.trim().split('\n').at(-1)!) as Told
}

describe.each(['child', 'worker'])('a %s that writes without end', kind => {
  test.each([
    ['flat', 'pipe'],
    ['flat', 'ignore'],
    ['lines', 'pipe'],
  ] as const)('takes no memory, and stops in time (%s, standard output: %s)', async (how, stdout) => {
    const { grown, grownInAll, ok, took, errors } = await shop(stdout, kind, writer, how)
    expect({ ok, errors }).toEqual({ ok: true, errors: [] })
    expect(grown).toBeLessThan(60)
    expect(grownInAll).toBeLessThan(60)
    expect(took).toBeLessThan(5_000)
  })
})

test('a process that waits until all it has written is taken is let write when it is asked to end, and ends well', async () => {
  const { ok, errors, took } = await shop('pipe', 'child', thorough)
  expect({ ok, errors }).toEqual({ ok: true, errors: [] })
  expect(took).toBeLessThan(7_000)
})
