import { fileURLToPath } from 'node:url'
import { commandOnTerminal, onTerminal, type Person } from './screen.ts'

export const program = new URL('../views/programs/keys.ts', import.meta.url)

export const [UP, DOWN, ESCAPE, CTRL_C, CTRL_Z, CTRL_BACKSLASH] = [
  '\u001b[A',
  '\u001b[B',
  '\u001b',
  '\u0003',
  '\u001a',
  '\u001c',
]

export const SIZE = { columns: 100, rows: 30 }

/** Settles once the group is up and reads keys. */
export const shop = async (...story: readonly string[]): Promise<Person> => {
  const person = onTerminal(program, story, {}, SIZE)
  await person.sees('↑↓ choose a service')
  return person
}

const quoted = (...words: readonly string[]): string => words.map(word => `'${word}'`).join(' ')

export const command = (...story: readonly string[]): string =>
  quoted(process.execPath, '--import', 'tsx', fileURLToPath(program), ...story)

/** The program inside a shell script that tells its exit code, and whether the terminal is set as it was. */
export const inScript = async (...story: readonly string[]): Promise<Person> => {
  const script = `was=$(stty -g); ${command(...story)}; echo "code $?"; [ "$was" = "$(stty -g)" ] && echo as it was`
  const person = commandOnTerminal('bash', ['-c', script], {}, SIZE)
  await person.sees('↑↓ choose a service')
  return person
}

/** Chooses the service that leads to what the story tells, and stops it. */
export const trigger = async (person: Person): Promise<void> => {
  person.presses(UP)
  await person.sees(/❯ \S trigger/)
  person.presses('x')
  await person.sees('stop trigger?')
  person.presses('y')
}

export const isChosen = (name: string): RegExp => new RegExp(`❯ +\\S ${name} `)

/** A program in a shell with job control, which knows how the terminal was set. */
export const interactive = async (line: string): Promise<Person> => {
  const shell = commandOnTerminal('bash', ['--norc', '--noprofile', '-i'], { PS1: '$ ', HISTFILE: '' }, SIZE)
  await shell.sees(/^\$/)
  shell.presses('was=$(stty -g)\r')
  await shell.sees(/\n\$$/)
  shell.presses(`${line}\r`)
  await shell.sees('↑↓ choose a service')
  return shell
}
