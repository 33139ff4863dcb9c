import { execFile } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { afterRepeats } from '../support/processes.ts'
import { onTerminal, type Person, type Size } from '../support/screen.ts'

const program = new URL('programs/shop.ts', import.meta.url)

/** Programs call here to be told their story. */
const server = createServer()
const calls: ((socket: Socket) => void)[] = []
server.on('connection', socket => {
  socket.on('error', () => {})
  calls.shift()!(socket)
})
const port = (): string => String((server.address() as AddressInfo).port)

beforeAll(() => new Promise<void>(resolve => server.listen(0, resolve)))
afterAll(() => server.close())

interface Shop extends Person {
  tell(word: string): void
}

/** A shop on a terminal of its own. Its start waits for the word `db`, its drain for `drained`. */
const shop = async (
  story = '',
  env: Readonly<Record<string, string>> = {},
  size: Size = { columns: 80, rows: 24 },
): Promise<Shop> => {
  const call = new Promise<Socket>(resolve => calls.push(resolve))
  const person = onTerminal(program, [port(), story], env, size)
  const socket = await call
  return { ...person, tell: word => void socket.write(`${word}\n`) }
}

/** Times and the turn of the spinner differ from run to run. */
const still = (screen: string): string[] =>
  screen
    .replace(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, '*')
    .replace(/ *\d+(\.\d+)? (ms|s)\b/g, ' TIME')
    .split('\n')

const upAndWell = async (person: Shop): Promise<void> => {
  await person.sees('shop is starting')
  person.tell('db')
  await person.sees('shop is up')
}

const dataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`

describe('on a terminal', { timeout: 15_000 }, () => {
  test('a line for each service while it starts, one line when all is up', async () => {
    const person = await shop()
    expect(still(await person.sees(/db +starting/))).toEqual([
      '* shop is starting, 0 of 3 up, TIME',
      '  * db        starting TIME',
      '  · workers   idle',
      '    · orders  idle',
      '  · api       idle',
    ])
    person.tell('db')
    expect(still(await person.sees(/^.*is up.*$/))).toEqual(['✔ shop is up in TIME (3 services)'])
  })

  test('what is not well is shown until it is well again', async () => {
    const person = await shop()
    await upAndWell(person)
    person.tell('warn')
    expect(still(await person.sees('slow disk'))).toEqual([
      '✔ shop is up in TIME (3 services)',
      '▲ shop is up, 2 of 3 well',
      '  ▲ db  running  warn: slow disk',
    ])
    person.tell('well')
    expect(still(await person.sees('well again'))).toEqual([
      '✔ shop is up in TIME (3 services)',
      '✔ shop is well again after TIME (db)',
    ])
  })

  test('Ctrl-C brings every line back, with the time left; the report of run() is the last thing, once', async () => {
    const person = await shop()
    await upAndWell(person)
    person.presses('\u0003')
    const leaving = await person.sees('2 pending')
    expect(leaving).toMatch(/shop is draining, 2[45] s left: SIGINT/)
    expect(still(leaving)).toEqual([
      '✔ shop is up in TIME (3 services)',
      '* shop is draining, TIME left: SIGINT',
      '  ✔ db        leaving TIME',
      '  * workers   draining TIME',
      '    * orders  draining TIME  2 pending',
      '  ✔ api       leaving TIME',
      '  press Ctrl-C again to force',
    ])
    person.tell('drained')
    const { code, screen } = await person.ended
    expect(code).toBe(0)
    expect(still(screen).slice(0, 3)).toEqual([
      '✔ shop is up in TIME (3 services)',
      '',
      'shop stopped gracefully in TIME: SIGINT',
    ])
    expect(screen.match(/stopped gracefully/g)).toHaveLength(1)
    expect(screen.split('\n').at(-1)).toMatch(/^ {2}critical path of the stop/)
    expect(person.cursorIsVisible()).toBe(true)
    expect(screen).not.toMatch(/is left|is not what it was|waits for/)
  })

  test('X6 no counter jumps when the clock is set', async () => {
    const person = await shop()
    await upAndWell(person)
    person.presses('\u0003')
    await person.sees('2 pending')
    person.tell('an hour back')
    expect(await person.sees('1 pending')).toMatch(/shop is draining, 2[345] s left: SIGINT/)
    expect(await person.sees(/orders +draining +[12]\.\d s/)).toMatch(/shop is draining, 2[345] s left: SIGINT/)
    person.tell('drained')
    const { code, screen } = await person.ended
    expect([code, screen]).toEqual([0, expect.stringMatching(/shop stopped gracefully in (\d+ ms|[\d.]+ s)/)])
  })

  test('a second Ctrl-C forces', async () => {
    const person = await shop()
    await upAndWell(person)
    person.presses('\u0003')
    await person.sees('press Ctrl-C again to force')
    await afterRepeats()
    person.presses('\u0003')
    const { code, screen } = await person.ended
    expect(code).toBe(130)
    expect(still(screen).slice(0, 3)).toEqual([
      '✔ shop is up in TIME (3 services)',
      '',
      'shop forced, not gracefully, in TIME: SIGINT',
    ])
    expect(person.cursorIsVisible()).toBe(true)
  })

  test('a start that fails leaves the report and no summary', async () => {
    const person = await shop('fails')
    await person.sees('shop is starting')
    person.tell('db')
    await person.sees(/because|api failed/)
    person.tell('drained')
    const { code, screen } = await person.ended
    expect(code).toBe(1)
    expect(screen).toMatch(/^\n?shop failed/)
    expect(screen).not.toContain('is up')
    expect(screen).toContain('no route')
  })

  test('what others print appears above, and tears nothing', async () => {
    const person = await shop()
    await person.sees(/db +starting/)
    for (let i = 0; i < 3; i++) person.tell('talk')
    expect(still(await person.sees(/(a line of its own\n){3}\S+ shop is/))).toEqual([
      ...['a line of its own', 'a line of its own', 'a line of its own'],
      '* shop is starting, 0 of 3 up, TIME',
      '  * db        starting TIME',
      '  · workers   idle',
      '    · orders  idle',
      '  · api       idle',
    ])
  })

  test('a line that is not finished yet is waited for', async () => {
    const person = await shop()
    await person.sees(/db +starting/)
    person.tell('begin')
    await person.sees(/^half a line$/)
    person.tell('go on')
    await person.sees(/^half a line and more$/)
    person.tell('end')
    expect(still(await person.sees(/db +starting/)).slice(0, 2)).toEqual([
      'half a line and more, whole',
      '* shop is starting, 0 of 3 up, TIME',
    ])
  })

  test('narrow: no line is wider than the terminal, and what is cut shows', async () => {
    const person = await shop('', {}, { columns: 30, rows: 24 })
    await person.sees(/db +starting/)
    person.tell('db')
    await person.sees('shop is up')
    person.tell('warn')
    // What stays is ordinary text, which the terminal itself breaks.
    const [, , ...lines] = (await person.sees('slow disk')).split('\n')
    expect(lines).toEqual(['▲ shop is up, 2 of 3 well', '  ▲ db  running', '    warn: slow disk'])
  })

  test('when the terminal becomes narrower, nothing of the wider picture is left', async () => {
    const person = await shop()
    await upAndWell(person)
    person.tell('warn')
    await person.sees('slow disk')
    await person.resizes({ columns: 24, rows: 24 })
    expect(still(await person.sees('    warn: slow disk')).slice(-3)).toEqual([
      '▲ shop is up, 2 of 3 we…',
      '  ▲ db  running',
      '    warn: slow disk',
    ])
    expect(person.screen().match(/of 3|disk/g)).toHaveLength(2)
  })

  test('low: those that are not done, and how many more there are', async () => {
    const person = await shop('', {}, { columns: 80, rows: 4 })
    expect(still(await person.sees(/db +starting/))).toEqual([
      '* shop is starting, 0 of 3 up, TIME',
      '  * db  starting TIME',
      '  … and 2 more idle',
    ])
  })

  test.each([
    ['NO_COLOR', { NO_COLOR: '1' }, false],
    ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, false],
    ['nothing set', {}, true],
  ])('colour with %s: %s', async (_, env, colored) => {
    const person = await shop('', env as Record<string, string>)
    await upAndWell(person)
    expect(person.written().includes('\u001b[32m')).toBe(colored)
  })

  test.each([
    ['exit', 3],
    ['throw', 1],
  ])('the cursor is there when the process ends by %s', async (word, expected) => {
    const person = await shop(word === 'throw' ? 'bare' : '')
    await person.sees(/db +starting/)
    person.tell(word)
    const { code } = await person.ended
    expect(code).toBe(expected)
    expect(person.cursorIsVisible()).toBe(true)
  })

  test('unsubscribed, the picture goes, and writes are as they were', async () => {
    const person = await shop('bare')
    await upAndWell(person)
    person.tell('warn')
    await person.sees('slow disk')
    person.tell('over')
    await person.sees('on its own again')
    person.tell('drained')
    const { code, screen } = await person.ended
    expect(code).toBe(0)
    expect(still(screen)).toEqual(['✔ shop is up in TIME (3 services)', 'on its own again'])
  })

  test.each([
    ['CI', { CI: 'true' }],
    ['TERM=dumb', { TERM: 'dumb' }],
  ])('plain lines with %s', async (_, env) => {
    const person = await shop('', env as Record<string, string>)
    person.tell('db')
    await person.sees(/shop +running/)
    person.presses('\u0003')
    await person.sees('2 pending')
    person.tell('drained')
    const { code } = await person.ended
    expect(code).toBe(0)
    expect(person.written()).not.toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/)
    expect(person.written()).not.toContain('\u001b[1A')
  })
})

describe('elsewhere', { timeout: 15_000 }, () => {
  const story = `
    import { serviceGroup, service } from 'rx-service-group'
    import { log } from 'rx-service-group/log'
    import { terminal } from 'rx-service-group/terminal'
    import { VirtualTimeScheduler } from 'rxjs'
    const clock = new VirtualTimeScheduler()
    const group = serviceGroup('shop', { clock }).add(service('db', {})).add(service('api', {}))
    const view = (process.argv[1] === 'log' ? log : terminal)(group)
    void group.start()
    clock.flush()
    void group.stop()
    clock.flush()
    if (!view.closed) console.log('it has not ended')
  `
  const printed = async (view: string, env: Readonly<Record<string, string>> = {}, args: readonly string[] = []) => {
    const all = [...args, '--input-type=module', '-e', story, view]
    const { stdout } = await promisify(execFile)(process.execPath, all, { env: { PATH: process.env['PATH'], ...env } })
    return stdout.split('\n')
  }

  test('it prints the lines of log(), and ends with the group', async () => {
    const lines = await printed('terminal')
    expect(lines[1]).toMatch(/^\S+ {2}shop\/db {3}starting$/)
    expect(lines).toEqual(await printed('log'))
  })

  test('FORCE_COLOR gives them colour, as it does for log()', async () => {
    const lines = await printed('terminal', { FORCE_COLOR: '1' })
    expect(lines[1]).toContain('\u001b[33mstarting \u001b[39m')
    expect(lines).toEqual(await printed('log', { FORCE_COLOR: '1' }))
  })

  test('without log-update on a terminal it says what to install, and prints lines', async () => {
    const person = await shop('', { NODE_OPTIONS: `--import ${WITHOUT_LOG_UPDATE}` })
    expect((await person.sees(/shop\/db +starting/)).replaceAll('\n', '')).toContain(
      'terminal: needs the packages log-update and string-width to draw here; npm install log-update@7 string-width@8',
    )
    person.tell('db')
    await person.sees(/shop +running/)
  })
})

/** As it is for somebody who has not installed it. */
const WITHOUT_LOG_UPDATE = dataUrl(`
  import { register } from 'node:module'
  register(${JSON.stringify(
    dataUrl(`export const resolve = (name, context, next) =>
      name === 'log-update' ? Promise.reject(Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })) : next(name, context)`),
  )})
`)
