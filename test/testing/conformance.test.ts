import { type Service, type ServiceHooks, type ServiceState, service } from 'rx-service-group'
import { type ConformanceCheck, type ConformanceSubject, serviceConformance, type Work } from 'rx-service-group/testing'
import { NEVER, Observable, of, tap } from 'rxjs'
import { describe, expect, test } from 'vitest'

/** A desk where people ask, and wait for an answer: something that can be used, kept at work and broken. */
class Desk {
  isOpen = false
  readonly #waiting = new Set<{ readonly answer: () => void; readonly sendAway: () => void }>()
  #emptied = (): void => undefined

  open = () => {
    this.isOpen = true
  }

  close = () => {
    this.isOpen = false
  }

  get held() {
    return this.#waiting.size
  }

  empty = () =>
    this.held === 0
      ? undefined
      : new Promise<void>(resolve => {
          this.#emptied = resolve
        })

  sendAway = () => {
    for (const one of this.#waiting) one.sendAway()
  }

  ask(): Work {
    let finish!: () => void
    const done = new Promise<void>((resolve, reject) => {
      const one = { answer: resolve, sendAway: () => reject(new Error('sent away')) }
      this.#waiting.add(one)
      finish = () => {
        resolve()
        this.#waiting.delete(one)
        if (this.held === 0) this.#emptied()
      }
    })
    return { finish, done }
  }
}

/** How a desk is tried, and how one that is not as it should be. */
const subjectOf = (
  hooks: (desk: Desk) => ServiceHooks = () => ({}),
  wrap: (service: Service) => Service = it => it,
  timeout = 300,
): ConformanceSubject => {
  let desk: Desk
  let die: () => void
  return {
    timeout,
    create: () => {
      desk = new Desk()
      return wrap(
        service('desk', {
          start: ({ fail }) => {
            desk.open()
            die = () => {
              desk.close()
              fail(new Error('the desk broke down'))
            }
          },
          drain: ({ pending }) => {
            pending(desk.held)
            return desk.empty()
          },
          stop: desk.close,
          force: () => {
            desk.close()
            desk.sendAway()
          },
          ...hooks(desk),
        }),
      )
    },
    use: async () => {
      if (!desk.isOpen) throw new Error('nobody is there')
    },
    work: async () => desk.ask(),
    broken: () =>
      service('desk', {
        start: () => {
          throw new Error('no key')
        },
      }),
    crash: () => die(),
  }
}

/** What a check says when it fails. */
const failureOf = async ({ run }: ConformanceCheck): Promise<string | undefined> => {
  try {
    await run()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

const says =
  (lifecycle: (before: Service) => Service['lifecycle']) =>
  (before: Service): Service => ({ name: before.name, lifecycle: lifecycle(before) })

test('a service that is as it should be passes every check', async () => {
  const checks = serviceConformance(subjectOf(undefined, undefined, 10_000))
  expect(checks.length).toBeGreaterThan(18)
  for (const check of checks) expect([check.name, await failureOf(check)]).toEqual([check.name, undefined])
})

test('what the subject has no part for is not tried', () => {
  const names = serviceConformance({ create: () => service('desk', {}) }).map(({ name }) => name)
  expect(names).toContain('told to let go while it runs, it is gone')
  expect(names.filter(name => /work|death|fails/.test(name))).toEqual([])
})

describe('a service is found out that', () => {
  let opened: (() => void)[] = []
  const leak = () => {
    const timer = setInterval(() => undefined, 1000)
    opened.push(() => clearInterval(timer))
  }

  test.each<[string, ConformanceSubject, string, RegExp]>([
    [
      'begins before it is subscribed to',
      subjectOf(
        undefined,
        says(it => shutdown$ => {
          leak()
          return it.lifecycle(shutdown$)
        }),
      ),
      'nothing happens before somebody subscribes',
      /more than before: Timeout/,
    ],
    [
      'never says that it runs',
      subjectOf(() => ({ start: () => NEVER })),
      'it starts: starting, then running, and nothing else is said on the way',
      /no "running" in 300 ms; it said: starting/,
    ],
    [
      'says that it runs before it does',
      subjectOf(desk => ({
        start: () => {
          setTimeout(desk.open)
        },
      })),
      'running, it does its work',
      /nobody is there/,
    ],
    [
      'closes when it is told to go unready',
      subjectOf(desk => ({ unready: desk.close })),
      'told to go unready, it does its work all the same',
      /nobody is there/,
    ],
    [
      'works on when it is gone',
      subjectOf(() => ({ stop: () => undefined })),
      'with nothing to do it is gone when it is told to stop, and says so',
      /still did its work/,
    ],
    [
      'drains by sending people away',
      subjectOf(desk => ({
        drain: ({ pending }) => {
          pending(desk.held)
          desk.sendAway()
        },
      })),
      'draining, it finishes what it is at, and tells how much that is',
      /sent away/,
    ],
    [
      'does not tell how much it holds',
      subjectOf(desk => ({ drain: desk.empty })),
      'draining, it finishes what it is at, and tells how much that is',
      /no draining with work pending in 300 ms/,
    ],
    [
      'does not let go',
      subjectOf(() => ({ stop: () => new Promise(() => undefined), force: () => undefined })),
      'told to let go, it is gone although its work never ends',
      /no end in 300 ms/,
    ],
    [
      'leaves a timer behind',
      subjectOf(() => ({ stop: leak })),
      'gone, it can live again, as often as one likes',
      /^left behind: .*Timeout$/,
    ],
    [
      'leaves a listener at the process behind',
      subjectOf(() => ({
        start: () => {
          const heard = () => undefined
          process.on('SIGUSR2', heard)
          opened.push(() => process.off('SIGUSR2', heard))
        },
      })),
      'left alone while it runs, it lets go of everything',
      /^left behind: .*listener of process "SIGUSR2"/,
    ],
    [
      'starts although it was told to stop before',
      subjectOf(
        undefined,
        says(it => () => it.lifecycle(NEVER)),
      ),
      'told to stop before its start, it does not start',
      /it said starting, running, and did not end/,
    ],
    [
      'says what makes no sense',
      subjectOf(
        undefined,
        says(() => () => of<ServiceState>({ phase: 'drained' })),
      ),
      'it starts: starting, then running, and nothing else is said on the way',
      /"desk" was idle, then drained/,
    ],
    [
      'has only one life',
      subjectOf(
        undefined,
        says(it => {
          let lives = 0
          return shutdown$ => (lives++ > 0 ? new Observable() : it.lifecycle(shutdown$))
        }),
      ),
      'gone, it can live again, as often as one likes',
      /no "running" in 300 ms; it said: nothing/,
    ],
    [
      'starts all the same when it should fail',
      { ...subjectOf(), broken: () => service('desk', {}) },
      'a start that fails is an error that names it, and leaves nothing behind',
      /no failure in 300 ms/,
    ],
    [
      'dies with an error that says nothing',
      subjectOf(
        undefined,
        says(
          it => shutdown$ =>
            it.lifecycle(shutdown$).pipe(
              tap({
                error: () => {
                  throw new Error('oh')
                },
              }),
            ),
        ),
      ),
      'its death is an error that names it, and leaves nothing behind',
      /failed with {"message":"oh"}, which has no code of ours/,
    ],
    [
      'does not die when it should',
      { ...subjectOf(), crash: () => undefined },
      'its death is an error that names it, and leaves nothing behind',
      /no failure in 300 ms; it said: starting, running/,
    ],
  ])('%s', async (_, subject, name, message) => {
    opened = []
    const check = serviceConformance(subject).find(check => check.name === name)!
    const failure = await failureOf(check)
    for (const close of opened) close()
    expect(failure).toMatch(message)
  })
})
