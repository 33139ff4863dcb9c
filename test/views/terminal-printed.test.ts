import type { ServiceState, ServiceStatus } from 'rx-service-group'
import { serviceGroup } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'
import { expect, test } from 'vitest'
import { ConsoleRings } from '../../src/core/console-lines.ts'
import { newStatus } from '../../src/core/status/service-status.ts'
import { foldStatus, type GroupStatus } from '../../src/core/status/status.ts'
import { frame } from '../../src/views/terminal/frame.ts'
import type { Pane } from '../../src/views/terminal/line.ts'
import { onTerminal } from '../support/screen.ts'

const pane: Pane = { columns: 60, rows: 24, now: 10_000, color: false, unicode: true }

const one = (path: string, state: ServiceState): ServiceStatus => ({ ...newStatus(path, 1, 0), state, since: 8_000 })

const status = (services: Readonly<Record<string, ServiceState>>): GroupStatus =>
  foldStatus(undefined, {
    kind: 'snapshot',
    seq: 1,
    at: 10_000,
    group: one('shop', { phase: 'running', health: 'fail' }),
    health: 'fail',
    services: Object.entries(services).map(([name, state]) => one(`shop/${name}`, state)),
  })

const unwell = status({
  db: { phase: 'running', health: 'fail', detail: 'no answer' },
  cache: { phase: 'running', health: 'warn', detail: 'slow' },
  api: { phase: 'running', health: 'pass' },
})

const printed = (): ConsoleRings => {
  const rings = new ConsoleRings()
  for (let n = 1; n <= 5; n++)
    for (const name of ['db', 'api']) rings.add(`shop/${name}`, { n, at: n, from: 'stdout', text: `${name} line ${n}` })
  return rings
}

test('below a service that is not well stand the last three lines that it has printed', () => {
  expect(frame(unwell, pane, printed())).toEqual([
    '✖ shop is up, not ready, 1 of 3 well',
    '  ✖ db     running  fail: no answer',
    '    | db line 3',
    '    | db line 4',
    '    | db line 5',
    '  ▲ cache  running  warn: slow',
  ])
})

test('where there are few rows it is the last one, or none, and no row is lost for them', () => {
  expect(frame(unwell, { ...pane, rows: 6 }, printed())).toEqual([
    '✖ shop is up, not ready, 1 of 3 well',
    '  ✖ db     running  fail: no answer',
    '    | db line 5',
    '  ▲ cache  running  warn: slow',
  ])
  expect(frame(unwell, { ...pane, rows: 4 }, printed())).toEqual(frame(unwell, { ...pane, rows: 4 }))
})

test('a line is cut to the width of the terminal', () => {
  const rings = new ConsoleRings()
  rings.add('shop/db', { n: 1, at: 1, from: 'stderr', text: 'x'.repeat(200) })
  expect(frame(unwell, pane, rings)[2]).toBe(`    | ${'x'.repeat(53)}…`)
})

test('on a real terminal the lines stand below the service until it is well, and above the picture too', {
  timeout: 30_000,
}, async () => {
  const person = onTerminal(new URL('programs/printed.ts', import.meta.url), [], {}, { columns: 80, rows: 24 })
  const starting = await person.sees(/db +starting[^\n]*\n *\| opening the file\n *\| the file is locked/)
  expect(starting).toMatch(/^opening the file\nthe file is locked\n/)
  const backoff = await person.sees(/db +backoff[^\n]*\n *\| opening the file\n *\| the file is locked/)
  expect(backoff).toContain('no luck')
  await person.sees('shop is up')
  await person.seesNoMore('| ')
  person.presses('\u0003')
  expect((await person.ended).code).toBe(0)
})

test('the option is refused unless it is true or false', () => {
  expect(() => terminal(serviceGroup('shop'), { logs: 1 as never })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: 'terminal: logs must be true or false, got 1' }),
  )
})
