import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { serviceGroup } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'
import { describe, expect, test } from 'vitest'
import {
  CTRL_BACKSLASH,
  CTRL_C,
  CTRL_Z,
  command,
  DOWN,
  inScript,
  interactive,
  isChosen,
  program,
  SIZE,
  shop,
  trigger,
} from '../support/keys.ts'
import { afterRepeats } from '../support/processes.ts'
import { commandOnTerminal, onTerminal } from '../support/screen.ts'

describe('signals and the end', { timeout: 60_000 }, () => {
  test.each([['with keys'], ['without keys', 'off']])('Ctrl-C ends the process gracefully %s', async (_, ...story) => {
    const person = onTerminal(program, story, {}, SIZE)
    await person.sees(story.length > 0 ? 'shop is up' : '↑↓ choose')
    person.presses(CTRL_C)
    const { code, screen } = await person.ended
    expect(code).toBe(0)
    expect(screen).toContain('shop stopped gracefully')
    expect(screen).not.toContain('choose')
  })

  test('Ctrl-C twice forces, with the exit code of the signal, and leaves the terminal as it was', async () => {
    const person = await inScript('slow')
    person.presses(CTRL_C)
    await person.sees('press Ctrl-C again to force')
    await afterRepeats()
    person.presses(CTRL_C)
    const { screen } = await person.ended
    expect(screen).toContain('code 130\nas it was')
  })

  test('Ctrl-C reaches the programs that started this one too', async () => {
    const script = `trap 'echo the shell hears it' INT; ${command()}; echo "code $?"`
    const person = commandOnTerminal('bash', ['-c', script], {}, SIZE)
    await person.sees('↑↓ choose')
    person.presses(CTRL_C)
    expect((await person.ended).screen).toMatch(/code 0|the shell hears it\ncode 0/)
    expect(person.screen()).toContain('the shell hears it')
  })

  test.each([
    ['an uncaught error under run()', ['throws'], 1],
    ['an uncaught error without run()', ['bare', 'lasts', 'throws'], 1],
    ['process.exit()', ['exits'], 3],
  ])('the terminal is as it was after %s', async (_, story, code) => {
    const person = await inScript(...story)
    await trigger(person)
    const { screen } = await person.ended
    expect(screen).toContain(`code ${code}\nas it was`)
    expect(person.written().lastIndexOf('\u001b[?2004l')).toBeGreaterThan(person.written().lastIndexOf('\u001b[?2004h'))
  })

  test('Ctrl-C without run() ends the process by the signal, and leaves the terminal as it was', async () => {
    const shell = await interactive(command('bare', 'lasts'))
    shell.presses(CTRL_C)
    await shell.sees(/\n\$$/)
    shell.presses('echo "code $?"; [ "$was" = "$(stty -g)" ] && echo as it "was"\r')
    await shell.sees(/code 130\nas it was/)
    expect(shell.written().lastIndexOf('\u001b[?2004l')).toBeGreaterThan(0)
    shell.presses('exit\r')
    await shell.ended
  })

  test('unsubscribed, it gives the terminal and standard input back', async () => {
    const person = await inScript('unsubscribes')
    await trigger(person)
    await person.sees('on its own again')
    person.presses('hello\r')
    expect(await person.sees('typed: hello')).toContain('\nhello\n')
    person.presses(CTRL_C)
    expect((await person.ended).screen).toContain('code 0\nas it was')
  })

  test('a process that has nothing to do but read keys ends', async () => {
    const person = onTerminal(program, ['bare'], {}, SIZE)
    expect((await person.ended).code).toBe(0)
  })
})

describe('job control', { timeout: 60_000 }, () => {
  test('Ctrl-Z gives the terminal to the shell, and after fg keys are read and the picture is drawn again', async () => {
    const shell = await interactive(command())
    shell.presses(DOWN)
    await shell.sees(isChosen('db'))
    shell.presses(CTRL_Z)
    await shell.sees(/Stopped(?:.|\n)*\n\$$/)
    shell.presses('[ "$was" = "$(stty -g)" ] && echo as it "was"\r')
    await shell.sees('as it was')
    shell.presses('fg\r')
    await shell.sees(/\$ fg\n(?:.|\n)*❯ \S db/)
    shell.presses(DOWN)
    await shell.sees(/\$ fg\n(?:.|\n)*❯ \S workers/)
    shell.presses(CTRL_C)
    await shell.sees(/shop stopped gracefully(?:.|\n)*\n\$$/)
    shell.presses('[ "$was" = "$(stty -g)" ] && echo again as it "was"\r')
    await shell.sees('again as it was')
    shell.presses('exit\r')
    await shell.ended
  })

  test('in the background it neither stops nor touches the terminal', async () => {
    const shell = await interactive(command())
    shell.presses(CTRL_Z)
    await shell.sees(/Stopped(?:.|\n)*\n\$$/)
    shell.presses('bg; [ "$was" = "$(stty -g)" ] && echo as it "was"\r')
    await shell.sees('as it was')
    shell.presses('jobs\r')
    await shell.sees(/Running/)
    shell.presses('kill %1; wait %1; echo "code $?"\r')
    await shell.sees('code 0')
    shell.presses('exit\r')
    await shell.ended
  })

  test('Ctrl-Z where nobody could continue the process leaves it running, and keys are read again', async () => {
    const person = await shop()
    person.presses(CTRL_Z)
    person.presses(CTRL_Z)
    await expect
      .poll(() => {
        person.presses('j')
        return person.screen()
      })
      // Each press that is read moves on.
      .toMatch(isChosen('\\w+'))
    person.presses(CTRL_C)
    expect((await person.ended).code).toBe(0)
  })

  test('Ctrl-\\ ends the process by SIGQUIT, and the terminal is as it was', async () => {
    const shell = await interactive(command())
    shell.presses(CTRL_BACKSLASH)
    await shell.sees(/Quit(?:.|\n)*\n\$$/)
    shell.presses('echo "code $?"; [ "$was" = "$(stty -g)" ] && echo as it "was"\r')
    await shell.sees(/code 131\nas it was/)
    shell.presses('exit\r')
    await shell.ended
  })
})

describe('elsewhere', { timeout: 30_000 }, () => {
  test('where standard input is no terminal, nothing is read and nothing is told of keys', async () => {
    const person = commandOnTerminal('bash', ['-c', `${command()} < /dev/null`], {}, SIZE)
    await person.sees('shop is up')
    person.presses(CTRL_C)
    expect((await person.ended).screen).toContain('shop stopped gracefully')
    expect(person.written()).not.toMatch(/choose|\[\?2004/)
  })

  test('where the output is no terminal, nothing is read and nothing is told of keys', async () => {
    const person = commandOnTerminal('bash', ['-c', `${command()} | cat`], {}, SIZE)
    await person.sees(/shop +running/)
    person.presses('jjx')
    // The terminal itself shows what is typed.
    await person.sees('jjx')
    person.presses(CTRL_C)
    await person.ended
    expect(person.written()).not.toMatch(/choose|\[\?2004/)
  })

  test('without the option, standard input is not touched', async () => {
    const person = onTerminal(program, ['off'], {}, SIZE)
    await person.sees('shop is up')
    person.presses('jjx')
    await person.sees('jjx')
    expect(person.written()).not.toMatch(/choose|\[\?2004/)
  })

  test('without terminals it prints the same lines as without the option', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      `import { serviceGroup, service } from 'rx-service-group'
      import { terminal } from 'rx-service-group/terminal'
      const group = serviceGroup('shop').add(service('db', {}))
      terminal(group, { keys: true })
      await group.start()
      await group.stop()`,
    ])
    expect(stdout).toMatch(/shop\/db +running/)
    expect(stdout).not.toContain('choose')
  })

  test('the option is refused unless it is true or false, and for a group that nothing can be asked of', () => {
    const group = serviceGroup('shop')
    expect(() => terminal(group, { keys: 'yes' as never })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: 'terminal: keys must be true or false, got "yes"',
      }),
    )
    const { name, events$, options } = group
    expect(() => terminal({ name, events$, options }, { keys: true })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: 'terminal: keys needs a group with restart() and stop(); leave out keys',
      }),
    )
  })
})
