import type { ServiceState, ServiceStatus } from 'rx-service-group'
import { expect, test } from 'vitest'
import { ConsoleRings } from '../../src/core/console-lines.ts'
import { newStatus } from '../../src/core/status/service-status.ts'
import { foldStatus, type GroupStatus } from '../../src/core/status/status.ts'
import { widthOf } from '../../src/views/terminal/fit.ts'
import type { Pane } from '../../src/views/terminal/line.ts'
import { type Prompt, press, type Scene, withoutGone } from '../../src/views/terminal/prompt.ts'
import { promptFrame } from '../../src/views/terminal/prompt-frame.ts'
import { hostileText, UNSEEN } from '../support/hostile.ts'

const scene: Scene = {
  paths: ['shop/db', 'shop/workers', 'shop/workers/mailer', 'shop/api'],
  page: 2,
  isAlone: true,
  canSearch: true,
  isNeedless: () => false,
}

/** The prompt after some keys, each by itself, and the wishes that came of them. */
const after = (keys: readonly string[], around: Partial<Scene> = {}) => {
  let prompt: Prompt = {}
  const wishes: string[] = []
  for (const key of keys) {
    const name = key.length > 1 ? (key as 'up') : undefined
    const pressed = press(prompt, name ? { kind: 'named', name } : { kind: 'text', text: key }, { ...scene, ...around })
    prompt = pressed.prompt
    if (pressed.wish) wishes.push(`${pressed.wish.action} ${pressed.wish.service}`)
  }
  return { prompt, wishes }
}

test.each([
  [['down'], 'shop/db'],
  [['up'], 'shop/api'],
  [['down', 'down', 'j', 'j', 'j'], 'shop/api'],
  [['down', 'k'], 'shop/db'],
  [['end'], 'shop/api'],
  [['end', 'home'], 'shop/db'],
  [['home', 'page down'], 'shop/workers/mailer'],
  [['end', 'page up'], 'shop/workers'],
  [['down', 'escape'], undefined],
  [['x', 'y'], undefined],
])('%j chooses %s', (keys, chosen) => expect(after(keys).prompt.chosen).toBe(chosen))

test.each([
  [['down', 's'], ['start shop/db']],
  [['down', 'x'], []],
  [['down', 'x', 'y'], ['stop shop/db']],
  [['down', 'r', 'Y'], ['restart shop/db']],
  [['down', 'r', 'enter'], ['restart shop/db']],
  [['down', 'x', 'x', 'y'], []],
  [['down', 'x', 'escape', 'y'], []],
  [['down', 'x', 'down', 'y'], []],
  [['s', 'x', 'y', 'r', 'enter'], []],
])('%j asks for %j', (keys, wishes) => expect(after(keys).wishes).toEqual(wishes))

test('keys that came together do nothing without a question, and do not answer it', () => {
  expect(after(['down', 's', 'x', 'y', 'enter'], { isAlone: false }).wishes).toEqual([])
  expect(after(['down', 's'], { isAlone: false }).prompt.question).toEqual({ action: 'start', service: 'shop/db' })
})

test('what would be refused is not asked first', () => {
  const { prompt, wishes } = after(['down', 'x'], { isNeedless: () => true })
  expect(prompt.question).toBeUndefined()
  expect(wishes).toEqual(['stop shop/db'])
})

test('a key that does nothing leaves the very same prompt, so that nothing is drawn', () => {
  for (const prompt of [{}, { chosen: 'shop/db' }, { search: { text: 'a', isOpen: false } }] as const)
    for (const key of [
      { kind: 'text', text: 'q' },
      { kind: 'pasted', text: 'xyz' },
      { kind: 'named', name: 'enter' },
    ] as const)
      expect(press(prompt, key, scene).prompt).toBe(prompt)
})

test('a search is typed, erased by what a person takes for a character, kept and closed', () => {
  expect(after(['/', 'x', 's', 'j']).prompt.search).toEqual({ text: 'xsj', isOpen: true })
  const typed = press({ search: { text: '', isOpen: true } }, { kind: 'pasted', text: 'né👨‍👩‍👧' }, scene).prompt
  expect(press(typed, { kind: 'named', name: 'backspace' }, scene).prompt.search?.text).toBe('né')
  expect(after(['/', 'a', 'clear']).prompt.search?.text).toBe('')
  expect(after(['/', 'a', 'enter']).prompt.search).toEqual({ text: 'a', isOpen: false })
  expect(after(['/', 'a', 'enter', '/', 'b']).prompt.search).toEqual({ text: 'ab', isOpen: true })
  expect(after(['/', 'enter']).prompt.search).toBeUndefined()
  expect(after(['/', 'a', 'escape']).prompt.search).toBeUndefined()
  expect(after(['down', '/', 'a', 'enter', 'escape'])).toMatchObject({
    prompt: { chosen: 'shop/db', search: undefined },
  })
  expect(after(['/', 'a'.repeat(1), ...Array.from({ length: 500 }, () => 'b')]).prompt.search?.text).toHaveLength(200)
})

test('without console lines a search tells what to give', () => {
  expect(after(['/'], { canSearch: false }).prompt).toMatchObject({
    said: ['busy', 'no console lines are kept to search; give terminal() logs: true'],
  })
})

test('a service that has gone is neither chosen nor asked about any more', () => {
  const { prompt } = after(['down', 'x'])
  expect(withoutGone(prompt, () => true)).toBe(prompt)
  expect(withoutGone(prompt, () => false)).toEqual({ chosen: undefined, question: undefined })
})

const one = (path: string, state: ServiceState): ServiceStatus => ({ ...newStatus(path, 1, 0), state, since: 8_000 })

const running: ServiceState = { phase: 'running', health: 'pass' }

const status = (names: readonly string[], state: ServiceState = running): GroupStatus =>
  foldStatus(undefined, {
    kind: 'snapshot',
    seq: 1,
    at: 10_000,
    group: one('shop', state),
    health: 'pass',
    services: names.map(name => one(`shop/${name}`, running)),
  })

const pane = (columns: number, rows: number): Pane => ({ columns, rows, now: 10_000, color: false, unicode: true })

const many = Array.from({ length: 30 }, (_, i) => `service ${i + 1}`)

test('of many services those around the chosen one are shown, and which it is', () => {
  expect(promptFrame(status(many), pane(40, 8), { chosen: 'shop/service 15' }, undefined)).toEqual([
    '✔ shop is up, 30 of 30 well  15/30',
    '  ✔ service 13  running',
    '  ✔ service 14  running',
    '❯ ✔ service 15  running',
    '  ✔ service 16  running',
    '  ✔ service 17  running',
    '  s start  x stop  r restart  Esc close',
  ])
})

test('without colour and without Unicode the chosen row is marked too', () => {
  const ascii = { ...pane(60, 10), unicode: false }
  expect(promptFrame(status(['db', 'api']), ascii, { chosen: 'shop/api' }, undefined)).toEqual([
    '+ shop is up, 2 of 2 well',
    '  + db   running',
    '> + api  running',
    '  s start  x stop  r restart  Esc close  arrows choose',
  ])
})

test('nobody is invited to choose in a group that is leaving, which refuses everything', () => {
  const leaving = status(['db'], { phase: 'stopping', reason: { by: 'signal', signal: 'SIGINT' } })
  expect(promptFrame(leaving, pane(60, 10), {}, undefined).join('\n')).not.toContain('choose')
  expect(promptFrame(leaving, pane(60, 10), { chosen: 'shop/db' }, undefined).at(-1)).toContain('Esc close')
})

test('a long refusal is broken into lines, three at most', () => {
  const said = ['bad', `service "shop/db": ${'can not be stopped '.repeat(20)}`] as const
  const lines = promptFrame(status(['db']), pane(40, 12), { said }, undefined)
  expect(lines.slice(0, 3)).toEqual([
    '  ✖ service "shop/db": can not be',
    '    stopped can not be stopped can not',
    expect.stringMatching(/^ {4}be stopped can not be stopped.*…$/),
  ])
})

test('the text that was searched for is in sight, however far into a line it stands', () => {
  const rings = new ConsoleRings()
  rings.add('shop/db', { n: 1, at: 1, from: 'stdout', text: `${'x'.repeat(300)} the needle ${'y'.repeat(300)}` })
  const [line] = promptFrame(status(['db']), pane(40, 12), { search: { text: ' NEEDLE ', isOpen: true } }, rings)
  expect(line).toContain('needle')
})

test('the newest lines stand last, with the names of their services, as many as fit', () => {
  const rings = new ConsoleRings()
  for (let n = 1; n <= 50; n++)
    rings.add(n % 2 ? 'shop/db' : 'shop/workers/mailer', { n, at: n, from: 'stdout', text: `line ${n}` })
  const search = { text: 'line', isOpen: false }
  expect(promptFrame(status(['db']), pane(40, 7), { search }, rings)).toEqual([
    '  db     | line 47',
    '  mailer | line 48',
    '  db     | line 49',
    '  mailer | line 50',
    '  / line  50 of 50 lines',
    '  ↑↓ choose a service  Esc close search',
  ])
})

test('no picture is wider than the terminal or higher than its rows less one, and none has a character that does harm', () => {
  const names = ['名前'.repeat(50), hostileText().replaceAll('/', ''), 'x'.repeat(500), '👨‍👩‍👧'.repeat(40), ...many]
  const rings = new ConsoleRings()
  for (const name of names)
    for (let n = 1; n <= 3; n++)
      rings.add(`shop/${name}`, { n, at: n, from: 'stderr', text: `${hostileText()}${name}` })
  const searches = [
    undefined,
    { text: '', isOpen: true },
    { text: '名', isOpen: false },
    { text: hostileText(), isOpen: true },
  ]
  const states: readonly ServiceState[] = [running, { phase: 'stopping', reason: { by: 'signal', signal: 'SIGINT' } }]
  for (const [columns, rows] of [
    [80, 24],
    [40, 12],
    [20, 6],
    [10, 3],
    [5, 2],
    [1, 1],
  ] as const)
    for (const state of states)
      for (const name of [undefined, names[0], names[1]])
        for (const search of searches) {
          const chosen = name && `shop/${name}`
          for (const prompt of [
            { chosen, search, question: { action: 'restart', service: `shop/${names[0]}` } },
            { chosen, search, said: ['bad', hostileText().repeat(5)] },
          ] as readonly Prompt[]) {
            const lines = promptFrame(status(names, state), pane(columns, rows), prompt, rings)
            expect(lines.length).toBeLessThanOrEqual(Math.max(0, rows - 1))
            for (const line of lines) {
              expect(widthOf(line)).toBeLessThanOrEqual(columns)
              expect(line.replace(/(?<=\p{Extended_Pictographic})\u200d|\ufe0f/gu, '')).not.toMatch(UNSEEN)
            }
          }
        }
}, 60_000)
