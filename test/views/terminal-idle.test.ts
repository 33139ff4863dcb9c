import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { commandOnTerminal, onTerminal } from '../support/screen.ts'

const program = (name: string): URL => new URL(`programs/${name}.ts`, import.meta.url)

test('in an idle process the picture is back within 50 ms of a print, and shows a change within 50 ms', {
  timeout: 30_000,
}, async () => {
  const person = onTerminal(program('idle'))
  expect((await person.ended).code).toBe(0)
  const late: readonly (number | null)[] = JSON.parse(/late: (.*)\r/.exec(person.written())![1]!)
  expect(late).toHaveLength(40)
  // `null` is what JSON makes of a look that saw nothing at all.
  expect(late.filter(ms => ms === null || ms > 50)).toEqual([])
})

/** A shell with job control, in which a person has begun the program. */
const inShell = async () => {
  const shell = commandOnTerminal('bash', ['--norc', '--noprofile', '-i'], { PS1: '$ ', HISTFILE: '' })
  await shell.sees(/^\$/)
  shell.presses(`'${process.execPath}' --import tsx '${fileURLToPath(program('waits'))}'\r`)
  await shell.sees('  ▲ db  running  warn: the last answer took 2.3 s')
  shell.presses('\u001a')
  await shell.sees(/Stopped(?:.|\n)*\n\$$/)
  return shell
}

/** The screen since the shell was told to go on. */
const sinceForeground = (screen: string): readonly string[] => screen.split('\n$ fg\n')[1]?.split('\n').slice(1) ?? []

test('after Ctrl-Z and fg the picture is drawn again at once, below what the shell has written', {
  timeout: 30_000,
}, async () => {
  const shell = await inShell()
  const before = shell.screen().split('\n').slice(0, -1)
  shell.presses('fg\r')
  const screen = await shell.sees(/\$ fg\n(?:.|\n)*db {2}running/)
  expect(sinceForeground(screen)).toEqual([
    '▲ shop is up, 0 of 1 well',
    '  ▲ db  running  warn: the last answer took 2.3 s, more than a person waits',
  ])
  expect(screen.split('\n').slice(0, before.length)).toEqual(before)
  shell.presses('\u0003')
  await shell.sees(/\n\$$/)
  shell.presses('exit\r')
  await shell.ended
})

test('a terminal that has another size after fg is filled as it is then', { timeout: 30_000 }, async () => {
  const shell = await inShell()
  await shell.resizes({ columns: 40, rows: 24 })
  shell.presses('fg\r')
  const screen = await shell.sees(/\$ fg\n(?:.|\n)* {4}warn: the last answer took 2.3 s, m…/)
  expect(sinceForeground(screen).slice(-3)).toEqual([
    '▲ shop is up, 0 of 1 well',
    '  ▲ db  running',
    '    warn: the last answer took 2.3 s, m…',
  ])
  shell.presses('\u0003')
  await shell.sees(/\n\$$/)
  shell.presses('exit\r')
  await shell.ended
})
