import { fileURLToPath } from 'node:url'
import { spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'
import { afterAll } from 'vitest'

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** A program on a terminal, seen as a person sees it. */
export interface Person {
  /** Settles with what is on the screen, scrolled out lines included, once it holds a text. */
  sees(text: string | RegExp): Promise<string>
  /** Settles once none of it is there. */
  seesNoMore(text: string | RegExp): Promise<string>
  screen(): string
  presses(keys: string): void
  resizes(size: Size): Promise<void>
  kill(signal: NodeJS.Signals): void
  /** All that was written, codes included. */
  written(): string
  cursorIsVisible(): boolean
  readonly ended: Promise<{ readonly code: number; readonly signal: number | undefined; readonly screen: string }>
}

const running = new Set<{ kill(signal: string): void }>()

afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** Neither what the test run itself sets for its own output, nor that it may run on a build server. */
const FOREIGN = new Set(['NO_COLOR', 'FORCE_COLOR', 'CI'])

/** Runs a TypeScript program on a terminal of its own; it does not outlive its test file. */
export const onTerminal = (
  program: URL,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  size?: Size,
): Person => commandOnTerminal(process.execPath, ['--import', 'tsx', fileURLToPath(program), ...args], env, size)

/** Runs a command on a terminal of its own; it does not outlive its test file. */
export const commandOnTerminal = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { columns, rows }: Size = { columns: 80, rows: 24 },
): Person => {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1_000 })
  const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN.has(name))
  const child = spawn(command, [...args], {
    cols: columns,
    rows,
    env: { ...Object.fromEntries(inherited), TERM: 'xterm-256color', ...env } as Record<string, string>,
  })
  running.add(child)
  const listeners = new Set<() => void>()
  let written = ''
  let drawn = ''
  let over = false
  const screen = (): string => {
    const { active } = terminal.buffer
    const lines = Array.from({ length: active.length }, (_, y) => active.getLine(y)!.translateToString(true))
    return lines.join('\n').trimEnd()
  }
  const tell = (): void => {
    for (const listener of listeners) listener()
  }
  child.onData(text => {
    written += text
    terminal.write(text, () => {
      drawn += text
      // Nobody sees a picture that is half drawn.
      if (drawn.lastIndexOf('\u001b[?2026h') <= drawn.lastIndexOf('\u001b[?2026l')) tell()
    })
  })
  const ended = new Promise<{ code: number; signal: number | undefined; screen: string }>(resolve =>
    child.onExit(({ exitCode, signal }) => {
      running.delete(child)
      // What was written last is still on its way through the emulator.
      setImmediate(() =>
        terminal.write('', () => {
          over = true
          resolve({ code: exitCode, signal, screen: screen() })
          tell()
        }),
      )
    }),
  )
  const until = (holds: (text: string) => boolean, what: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const text = screen()
        if (holds(text)) resolve(text)
        else if (over) reject(new Error(`it ended, and never ${what}:\n${text}`))
        else return
        listeners.delete(look)
      }
      listeners.add(look)
      look()
    })
  const has = (text: string, wanted: string | RegExp): boolean =>
    typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)
  return {
    sees: wanted => until(text => has(text, wanted), `showed "${wanted}"`),
    seesNoMore: wanted => until(text => !has(text, wanted), `was without "${wanted}"`),
    screen,
    presses: keys => child.write(keys),
    resizes: async size => {
      await new Promise<void>(resolve => terminal.write('', resolve))
      terminal.resize(size.columns, size.rows)
      child.resize(size.columns, size.rows)
    },
    kill: signal => child.kill(signal),
    written: () => written,
    cursorIsVisible: () => written.lastIndexOf('\u001b[?25l') <= written.lastIndexOf('\u001b[?25h'),
    ended,
  }
}
