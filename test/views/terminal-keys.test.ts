import { describe, expect, test } from 'vitest'
import { CTRL_C, DOWN, ESCAPE, isChosen, shop, UP } from '../support/keys.ts'

describe('acting on services by keys', { timeout: 30_000 }, () => {
  test('a nested service is chosen, stopped, started and restarted, and the events tell that the terminal asked', async () => {
    const person = await shop()
    person.presses(DOWN)
    const picture = await person.sees(isChosen('db'))
    expect(picture.split('\n').slice(-7)).toEqual([
      '✔ shop is up, 4 of 4 well',
      '❯ ✔ db        running',
      '  ✔ workers   running',
      '    ✔ orders  running',
      '    ✔ mailer  running',
      '  ✔ trigger   running',
      '  s start  x stop  r restart  Esc close  ↑↓ choose',
    ])
    person.presses('j')
    person.presses('j')
    await person.sees(isChosen('orders'))
    person.presses(DOWN)
    await person.sees(isChosen('mailer'))
    person.presses('x')
    await person.sees('stop workers/mailer? y or Enter confirms, any other key cancels')
    expect(person.screen()).not.toContain('mailer stops')
    person.presses('y')
    await person.sees(/❯ +\S mailer +stopped/)
    expect(await person.sees('asked to stop workers/mailer')).toMatch(
      /mailer stops: asked for on the terminal\n(.*\n)?terminal asks to stop shop\/workers\/mailer: accepted/,
    )
    person.presses('s')
    await person.sees('terminal asks to start shop/workers/mailer: accepted')
    await person.sees(/❯ +\S mailer +running/)
    person.presses('r')
    await person.sees('restart workers/mailer?')
    person.presses('\r')
    await person.sees('terminal asks to restart shop/workers/mailer: accepted')
    await person.sees(/❯ +\S mailer +running/)
    expect(person.screen().match(/mailer starts/g)).toHaveLength(3)
    expect(person.screen().match(/orders starts/g)).toHaveLength(1)
    person.presses(ESCAPE)
    await person.seesNoMore('❯')
    expect(person.screen().split('\n').at(-1)).toBe('  ↑↓ choose a service')
  })

  test('a nested group is stopped and started as a whole', async () => {
    const person = await shop()
    person.presses(`${DOWN}${DOWN}`)
    await person.sees(isChosen('workers'))
    person.presses('x')
    await person.sees('stop workers?')
    person.presses('y')
    await person.sees(/workers +stopped(.|\n)*orders +stopped(.|\n)*mailer +stopped/)
    person.presses('s')
    await person.sees(/workers +running(.|\n)*orders +running(.|\n)*mailer +running/)
  })

  test('any other key than that which confirms cancels, and does nothing else', async () => {
    const person = await shop()
    person.presses(DOWN)
    await person.sees(isChosen('db'))
    for (const key of ['x', 'n', ESCAPE, DOWN, 'r', '\u001b[200~y\u001b[201~']) {
      person.presses('x')
      await person.sees('stop db?')
      person.presses(key)
      await person.seesNoMore('stop db?')
      expect(person.screen()).toMatch(isChosen('db'))
    }
    expect(person.screen()).not.toContain('asks to')
  })

  test('a refusal is told in words, and is an event too', async () => {
    const person = await shop()
    person.presses(DOWN)
    await person.sees(isChosen('db'))
    person.presses('s')
    await person.sees('✖ service "shop/db": can\'t be started: it is running; ask for "restart"')
    await person.sees('terminal asks to start shop/db: refused')
    person.presses('x')
    await person.sees('stop db?')
    person.presses('y')
    await person.sees(/db +stopped/)
    person.presses('x')
    await person.sees('✖ service "shop/db": can\'t be stopped: it is stopped')
    await person.sees('terminal asks to stop shop/db: refused')
  })

  test('while the group shuts down everything is refused in words', async () => {
    const person = await shop('slow')
    person.presses(DOWN)
    await person.sees(isChosen('db'))
    person.presses(CTRL_C)
    await person.sees('press Ctrl-C again to force')
    person.presses('x')
    await person.sees('✖ service "shop/db": can\'t be stopped: group "shop" is shutting down, or over')
    person.presses('r')
    await person.sees('restart db?')
    person.presses('y')
    await person.sees('terminal asks to restart shop/db: refused')
  })
})

describe('what comes from the terminal', { timeout: 30_000 }, () => {
  test('a sequence in several chunks is one key, and several keys in one chunk are several', async () => {
    const person = await shop()
    for (const byte of DOWN) {
      person.presses(byte)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await person.sees(isChosen('db'))
    person.presses(`${DOWN}j${DOWN}k`)
    await person.sees(isChosen('orders'))
  })

  test('a text that is pasted confirms nothing, whether the terminal marks it or not', async () => {
    const person = await shop()
    person.presses(DOWN)
    await person.sees(isChosen('db'))
    person.presses('\u001b[200~xy\rsry\r\u001b[201~')
    person.presses('exy\r')
    await person.sees('stop db?')
    person.presses('\u001b[200~y\u001b[201~')
    await person.seesNoMore('stop db?')
    person.presses(DOWN)
    await person.sees(isChosen('workers'))
    person.presses('is sorry, sir')
    await person.sees('restart workers? y')
    person.presses(ESCAPE)
    await person.seesNoMore('workers?')
    expect(person.screen()).not.toContain('asks to')
  })

  test('keys that mean nothing do nothing', async () => {
    const person = await shop()
    person.presses(DOWN)
    await person.sees(isChosen('db'))
    const before = person.screen()
    for (const keys of [
      'q',
      'é',
      '名',
      '\u001bx',
      '\u001b[15~',
      '\u001bOP',
      '\u0001',
      '\u0004',
      '\u001b]11;rgb:0/0/0\u0007',
      '\t',
    ])
      person.presses(keys)
    person.presses(DOWN)
    await person.sees(isChosen('workers'))
    person.presses(UP)
    await person.sees(isChosen('db'))
    expect(person.screen()).toBe(before)
  })
})

describe('searching console lines', { timeout: 30_000 }, () => {
  test('a text is typed, the lines that have it are shown, kept by Enter and closed by Esc', async () => {
    const person = await shop('prints', 'logs')
    person.presses('/')
    await person.sees('  / ▏  32 of 32 lines')
    person.presses('tenth')
    const found = await person.sees('  / tenth▏  3 of 32 lines')
    expect(found.split('\n').slice(-5)).toEqual([
      '  printer | line 10, Tenth',
      '  printer | line 20, Tenth',
      '  printer | line 30, Tenth',
      '  / tenth▏  3 of 32 lines',
      '  Enter keeps the lines  Esc closes',
    ])
    person.presses('\r')
    await person.sees(
      /Tenth\n {2}\/ tenth {2}3 of 32 lines\n {2}↑↓ choose a service {2}Esc close search {2}\/ edit search$/,
    )
    person.presses(DOWN)
    await person.sees(/❯ \S db(.|\n)*line 30, Tenth\n/)
    person.presses('/')
    person.presses('\u007f\u007f\u007f\u007f\u007f')
    person.presses('\u001b[200~line 7\n\u001b[201~')
    await person.sees('  / line 7 ▏  1 of 32 lines')
    person.presses(ESCAPE)
    await person.seesNoMore('/ line 7')
    await person.sees(isChosen('db'))
    expect(person.screen().split('\n').at(-1)).toBe('  s start  x stop  r restart  Esc close  / search  ↑↓ choose')
    person.presses(CTRL_C)
    expect((await person.ended).code).toBe(0)
  })

  test('without logs, / tells what to give', async () => {
    const person = await shop()
    person.presses('/')
    await person.sees('no console lines are kept to search; give terminal() logs: true')
  })
})
