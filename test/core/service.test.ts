import { fromObservable, job, type Service, type Shutdown, type Step, service, task } from 'rx-service-group'
import { concat, NEVER, type Observable, of } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import { errorWord, word } from './life.ts'

const reason = { by: 'call' } as const
const steps = { u: 'unready', d: 'drain', s: 'stop', f: 'force' } as const
const shutdowns = Object.fromEntries(Object.entries(steps).map(([key, step]) => [key, { step, reason }]))

/** What a service says, each word with its frame, when it is asked along a marble diagram: u, d, s and f. */
const told = (make: (cold: (marbles: string) => Observable<string>) => Service, asked: string): string => {
  const scheduler = new TestScheduler(() => undefined)
  return scheduler.run(({ cold, hot, flush }) => {
    const log: string[] = []
    make(cold)
      .lifecycle(hot<Shutdown>(asked, shutdowns))
      .subscribe({
        next: state => log.push(`${scheduler.frame} ${word(state)}`),
        error: error => log.push(`${scheduler.frame} ${errorWord(error)}`),
        complete: () => log.push('|'),
      })
    flush()
    return log.join(' ')
  })
}

type Hook = 'start' | 'unready' | 'drain' | 'stop' | 'force'

/** A service whose hooks are Observables: `start: '--|'` takes two frames. */
const withHooks =
  (hooks: Partial<Record<Hook, string>>) =>
  (cold: (marbles: string) => Observable<string>): Service =>
    service('db', Object.fromEntries(Object.entries(hooks).map(([name, marbles]) => [name, () => cold(marbles)])))

const alone = ''

describe('a service', () => {
  test.each<[string, Partial<Record<Hook, string>>, string, string]>([
    ['without hooks runs at once', {}, alone, '0 starting 0 running'],
    ['without hooks stops at once', {}, '----s', '0 starting 0 running 4 stopping 4 stopped |'],
    ['runs when its start has completed', { start: '--|' }, alone, '0 starting 2 running'],
    ['starts by completing, not by what it emits', { start: '-a-b-|' }, alone, '0 starting 5 running'],
    ['is gone when its stop has completed', { stop: '---|' }, '----s', '0 starting 0 running 4 stopping 7 stopped |'],
    [
      'goes through all steps in turn',
      { start: '--|', drain: '---|', stop: '--|' },
      '----u-d----s',
      '0 starting 2 running 4 leaving 6 draining 9 drained 11 stopping 13 stopped |',
    ],
    ['with nothing to drain goes on running', { stop: '|' }, '--d--s', '0 starting 0 running 5 stopping 5 stopped |'],
    [
      'that is to stop at once drains before it stops, as part of stopping',
      { drain: '---|', stop: '--|' },
      '----s',
      '0 starting 0 running 4 stopping 9 stopped |',
    ],
    [
      'that is to stop amid its drain gives that up',
      { drain: '-----|', stop: '--|' },
      '--d-s',
      '0 starting 0 running 2 draining 4 stopping 6 stopped |',
    ],
    [
      'does not wait for its unready',
      { unready: '-------|', drain: '-|', stop: '-|' },
      '--ud-s',
      '0 starting 0 running 2 leaving 3 draining 4 drained 5 stopping 6 stopped |',
    ],
  ])('%s', (_, hooks, asked, expected) => expect(told(withHooks(hooks), asked)).toBe(expected))
})

describe('a service that is asked while it starts', () => {
  test.each<[string, Partial<Record<Hook, string>>, string, string]>([
    ['is cancelled by stop', { start: '-----|', stop: '--|' }, '--s', '0 starting 2 stopping 2 stopped |'],
    ['takes unready as stop', { start: '-----|' }, '--u', '0 starting 2 stopping 2 stopped |'],
    ['takes drain as stop', { start: '-----|', drain: '--|' }, '--d', '0 starting 2 stopping 2 stopped |'],
    ['is forced by force', { start: '-----|', stop: '--|' }, '--f', '0 starting 2 stopping 2 forced |'],
    ['calls its force when forced', { start: '-----|', force: '--|' }, '--f', '0 starting 2 stopping 4 forced |'],
  ])('%s', (_, hooks, asked, expected) => expect(told(withHooks(hooks), asked)).toBe(expected))
})

describe('a service under force', () => {
  test.each<[string, Partial<Record<Hook, string>>, string, string]>([
    [
      'lets go of everything at once',
      { drain: '---|', stop: '---|' },
      '--f',
      '0 starting 0 running 2 stopping 2 forced |',
    ],
    [
      'gives its drain up',
      { drain: '-----|', stop: '--|' },
      '--d-f',
      '0 starting 0 running 2 draining 4 stopping 4 forced |',
    ],
    ['gives its stop up', { stop: '------|' }, '--s-f', '0 starting 0 running 2 stopping 4 forced |'],
    ['gives up the drain it stops with', { drain: '-----|' }, '--s-f', '0 starting 0 running 2 stopping 4 forced |'],
    ['waits for its force', { stop: '------|', force: '---|' }, '--s-f', '0 starting 0 running 2 stopping 7 forced |'],
    ['that stopped before is stopped', { stop: '-|' }, '--s-f', '0 starting 0 running 2 stopping 3 stopped |'],
  ])('%s', (_, hooks, asked, expected) => expect(told(withHooks(hooks), asked)).toBe(expected))
})

describe('a service that fails', () => {
  test.each<[string, Partial<Record<Hook, string>>, string, string]>([
    ['in its start is gone', { start: '--#', stop: '-|' }, '-----s', '0 starting 2 # ERR_START_FAILED'],
    ['in its stop says so', { stop: '--#' }, '--s', '0 starting 0 running 2 stopping 4 # ERR_STOP_FAILED'],
    [
      'in its unready stops all the same, and says so at its end',
      { unready: '-#', stop: '-|' },
      '--u---s',
      '0 starting 0 running 2 leaving 6 stopping 7 # ERR_UNREADY_FAILED',
    ],
    [
      'in its drain stops all the same, and says so at its end',
      { drain: '-#', stop: '-|' },
      '--d---s',
      '0 starting 0 running 2 draining 3 drained 6 stopping 7 # ERR_DRAIN_FAILED',
    ],
    [
      'in the drain it stops with stops all the same',
      { drain: '-#', stop: '-|' },
      '--s',
      '0 starting 0 running 2 stopping 4 # ERR_DRAIN_FAILED',
    ],
    [
      'in drain and stop names the first',
      { drain: '-#', stop: '-#' },
      '--s',
      '0 starting 0 running 2 stopping 4 # ERR_DRAIN_FAILED',
    ],
    [
      'in its force says so',
      { stop: '-----|', force: '-#' },
      '--s-f',
      '0 starting 0 running 2 stopping 5 # ERR_STOP_FAILED',
    ],
  ])('%s', (_, hooks, asked, expected) => expect(told(withHooks(hooks), asked)).toBe(expected))
})

describe('a task', () => {
  test.each<[string, string, string, string]>([
    ['runs at once', '-----', '', '0 starting 0 running'],
    ['ends when it has ended', '--|', '', '0 starting 0 running 2 ended |'],
    ['fails when it fails', '--#', '', '0 starting 0 running 2 # ERR_SERVICE_FAILED'],
    ['that ends at once was running', '|', '', '0 starting 0 running 0 ended |'],
    ['that fails at once was running', '#', '', '0 starting 0 running 0 # ERR_SERVICE_FAILED'],
    ['goes on until its own turn', '-----', '--u-d-s', '0 starting 0 running 2 leaving 6 stopping 6 stopped |'],
    ['that ends before its turn has stopped', '----|', '--u---s', '0 starting 0 running 2 leaving 4 stopped |'],
    ['is let go under force', '-----', '--f', '0 starting 0 running 2 stopping 2 forced |'],
  ])('%s', (_, main, asked, expected) => {
    expect(told(cold => task('ticker', () => cold(main)), asked)).toBe(expected)
    expect(told(cold => fromObservable('ticker', cold(main)), asked)).toBe(expected)
  })
})

describe('a job', () => {
  test.each<[string, string, string, string]>([
    ['starts until it has ended well', '--|', '', '0 starting 2 ended |'],
    ['that does nothing has ended', '|', '', '0 starting 0 ended |'],
    ['fails as a start does', '--#', '', '0 starting 2 # ERR_START_FAILED'],
    ['is cancelled by any step', '-----|', '--u', '0 starting 2 stopping 2 stopped |'],
    ['is cancelled by force', '-----|', '--f', '0 starting 2 stopping 2 forced |'],
  ])('%s', (_, run, asked, expected) => expect(told(cold => job('migrate', () => cold(run)), asked)).toBe(expected))
})

describe('a shutdown that is there before the start', () => {
  const asked = (step: Step) => concat(of<Shutdown>({ step, reason }), NEVER)
  test.each<[Step, string]>([
    ['unready', 'stopped'],
    ['stop', 'stopped'],
    ['force', 'forced'],
  ])('%s: no code of the service runs', (step, how) => {
    const log: string[] = []
    const never = (): void => {
      log.push('called')
    }
    const all = { start: never, unready: never, drain: never, stop: never, force: never }
    for (const one of [service('db', all), task('db', never), job('db', never)])
      one.lifecycle(asked(step)).subscribe({ next: state => log.push(word(state)), complete: () => log.push('|') })
    expect(log).toEqual([how, '|', how, '|', how, '|'])
  })
})

describe('what can be an Observable', () => {
  test('is unsubscribed when it is not wanted any more, and only then', () => {
    new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(
      ({ cold, hot, expectObservable, expectSubscriptions }) => {
        const start = cold('--|')
        const unready = cold('  --------|')
        const drain = cold('  -------|')
        const stop = cold('     ------|')
        const made = service('db', {
          start: () => start,
          unready: () => unready,
          drain: () => drain,
          stop: () => stop,
        })
        expectObservable(made.lifecycle(hot('---u-d-s-f', shutdowns)), '^----------!')
        expectSubscriptions(start.subscriptions).toBe('  ^-!')
        expectSubscriptions(unready.subscriptions).toBe('---^-----!')
        expectSubscriptions(drain.subscriptions).toBe('  -----^-!')
        expectSubscriptions(stop.subscriptions).toBe('   -------^-!')
      },
    )
  })

  test('is subscribed anew by each life of a service: it is cold', () => {
    let lives = 0
    const counted = fromObservable('once', of(1))
    const made = service('db', { start: () => void lives++ })
    made.lifecycle(NEVER).subscribe()
    made.lifecycle(NEVER).subscribe()
    expect(lives).toBe(2)
    const log: string[] = []
    for (let n = 0; n < 2; n++) counted.lifecycle(NEVER).subscribe(state => log.push(word(state)))
    expect(log).toEqual(['starting', 'running', 'ended', 'starting', 'running', 'ended'])
  })

  test('may as well be an array or a promise for fromObservable', async () => {
    const log: string[] = []
    fromObservable('list', [1, 2])
      .lifecycle(NEVER)
      .subscribe(state => log.push(word(state)))
    expect(log).toEqual(['starting', 'running', 'ended'])
    const ended = new Promise<void>(resolve => {
      fromObservable('promise', Promise.resolve()).lifecycle(NEVER).subscribe({ complete: resolve })
    })
    await ended
  })
})
