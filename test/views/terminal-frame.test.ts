import type { ServiceState, ServiceStatus, StopReason } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { reasonOf } from '../../src/core/state.ts'
import { newStatus } from '../../src/core/status/service-status.ts'
import { foldStatus, type GroupStatus } from '../../src/core/status/status.ts'
import { frame } from '../../src/views/terminal/frame.ts'
import { recovery, summary } from '../../src/views/terminal/lasting.ts'
import type { Pane } from '../../src/views/terminal/line.ts'
import { moves, stageOf } from '../../src/views/terminal/stage.ts'
import { hasUnicode, isLive } from '../../src/views/terminal/terminals.ts'

const NOW = 10_000
const pane: Pane = { columns: 80, rows: 24, now: NOW, color: false, unicode: true }

const starting = { phase: 'starting', attempt: 1 } as const
const running = { phase: 'running', health: 'pass' } as const
const reason: StopReason = { by: 'signal', signal: 'SIGTERM' }
const error = {
  name: 'Error',
  message: 'service "db": failed: connection lost',
  cause: { name: 'Error', message: 'connection lost' },
}
const backoff = { phase: 'backoff', attempt: 2, retryAt: NOW + 1_300, error } as const

/** A service that came to its state two seconds ago, after a start of 340 ms. */
const one = (path: string, state: ServiceState, more: Partial<ServiceStatus> = {}): ServiceStatus => ({
  ...newStatus(path, 1, 0),
  state,
  since: NOW - 2_000,
  startedAt: 1_000,
  readyAt: 1_340,
  ...more,
})

const status = (
  own: ServiceState,
  services: Readonly<Record<string, ServiceState>>,
  optional: readonly string[] = [],
): GroupStatus =>
  foldStatus(undefined, {
    kind: 'snapshot',
    seq: 1,
    at: NOW,
    group: one('shop', own),
    health: own.phase === 'running' ? own.health : 'pass',
    ...(reasonOf(own) && { trigger: reasonOf(own)! }),
    services: Object.entries(services).map(([name, state]) =>
      one(`shop/${name}`, state, optional.includes(name) ? { optional: true } : {}),
    ),
  })

describe('a group that starts', () => {
  const coming = status(starting, {
    db: running,
    index: { phase: 'stopped', how: 'ended' },
    workers: starting,
    'workers/orders': { phase: 'starting', attempt: 3 },
    'workers/mailer': { phase: 'waiting', for: ['orders', 'smtp'] },
    api: { phase: 'idle' },
  })

  test('has a line for each service, those of a group below it', () => {
    expect(frame(coming, pane)).toEqual([
      '⠴ shop is starting, 2 of 5 up, 2.0 s',
      '  ✔ db        running   340 ms',
      '  ✔ index     ended',
      '  ⠴ workers   starting   2.0 s',
      '    ⠴ orders  starting   2.0 s  attempt 3',
      '    · mailer  waiting    2.0 s  for orders, smtp',
      '  · api       idle',
    ])
  })

  test('says the same without Unicode', () => {
    expect(frame(coming, { ...pane, unicode: false, columns: 40 })).toEqual([
      '/ shop is starting, 2 of 5 up, 2.0 s',
      '  + db        running   340 ms',
      '  + index     ended',
      '  / workers   starting   2.0 s',
      '    / orders  starting   2.0 s  attem...',
      '    . mailer  waiting    2.0 s  for o...',
      '  . api       idle',
    ])
  })

  test('and with colour, which has no width', () => {
    expect(frame(coming, { ...pane, color: true, columns: 30 }).slice(0, 2)).toEqual([
      '\u001b[33m⠴\u001b[39m\u001b[1m shop\u001b[22m is starting, 2 of 5 up…',
      '  \u001b[32m✔\u001b[39m db        \u001b[32mrunning \u001b[39m\u001b[2m  340 ms\u001b[22m',
    ])
  })

  test('in few rows tells of those that are not up, and how many more there are', () => {
    const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(rows => frame(coming, { ...pane, rows }).length)
    expect(rows).toEqual([1, 1, 1, 2, 3, 4, 5, 5, 7, 7])
    expect(frame(coming, { ...pane, rows: 5 })).toEqual([
      '⠴ shop is starting, 2 of 5 up, 2.0 s',
      '  ⠴ workers/orders  starting  2.0 s  attempt 3',
      '  · workers/mailer  waiting   2.0 s  for orders, smtp',
      '  … and 1 more running, 1 ended, 1 idle',
    ])
  })

  test('of three hundred services tells of the three that matter', () => {
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, n) => [
        `s${n}`,
        n < 100 ? running : n < 103 ? starting : ({ phase: 'idle' } as const),
      ]),
    )
    const lines = frame(status(starting, many), { ...pane, rows: 6 })
    expect(lines).toEqual([
      '⠴ shop is starting, 100 of 300 up, 2.0 s',
      '  ⠴ s100  starting  2.0 s',
      '  ⠴ s101  starting  2.0 s',
      '  ⠴ s102  starting  2.0 s',
      '  … and 197 more idle, 100 running',
    ])
  })
})

describe('a group that runs', () => {
  test('has one line when all is well', () => {
    const well = status(running, { db: running, workers: running, 'workers/mailer': running })
    expect(frame(well, pane)).toEqual([])
    expect(summary(well, pane)).toBe('✔ shop is up in 340 ms (2 services)')
  })

  test('tells what is missing', () => {
    const failed = status({ phase: 'running', health: 'warn' }, { db: running, cache: { phase: 'failed', error } })
    expect(summary(failed, pane)).toBe('▲ shop is up in 340 ms (1 of 2 services)')
    expect(frame(failed, pane)).toEqual(['▲ shop is up, 1 of 2 well', '  ✖ cache  failed  connection lost'])
  })

  const unwell = status(
    { phase: 'running', health: 'fail' },
    {
      db: { phase: 'running', health: 'fail', detail: 'no answer' },
      workers: { phase: 'running', health: 'warn', detail: 'mailer warn: backoff' },
      'workers/mailer': backoff,
      api: running,
    },
  )

  test('shows who is not well and why, a group only through what is in it', () => {
    expect(frame(unwell, pane)).toEqual([
      '✖ shop is up, not ready, 1 of 3 well',
      '  ✖ db              running         fail: no answer',
      '  ↻ workers/mailer  backoff  2.0 s  tries again in 1.3 s: connection lost',
    ])
  })

  test('tells what keeps it from being ready before what only warns, also when there is room for one alone', () => {
    const several = status(
      { phase: 'running', health: 'fail' },
      {
        disk: { phase: 'running', health: 'warn', detail: 'nearly full' },
        cache: { phase: 'failed', error },
        mailer: backoff,
        db: { phase: 'running', health: 'fail', detail: 'no answer' },
      },
      ['cache'],
    )
    expect(frame(several, pane).map(line => line.trim().split(' ')[1])).toEqual([
      'shop',
      'mailer',
      'db',
      'cache',
      'disk',
    ])
    expect(frame(several, { ...pane, rows: 4 })).toEqual([
      '✖ shop is up, not ready, 0 of 4 well',
      '  ↻ mailer  backoff  2.0 s  tries again in 1.3 s: connection lost',
      '  … and 2 more running, 1 failed',
    ])
  })

  test('and gives the reason a line of its own where it is narrow', () => {
    expect(frame(unwell, { ...pane, columns: 40 })).toEqual([
      '✖ shop is up, not ready, 1 of 3 well',
      '  ✖ db              running',
      '    fail: no answer',
      '  ↻ workers/mailer  backoff  2.0 s',
      '    tries again in 1.3 s: connection lo…',
    ])
  })

  test('and one line for each when there are few rows', () => {
    expect(frame(unwell, { ...pane, columns: 40, rows: 4 })).toEqual([
      '✖ shop is up, not ready, 1 of 3 well',
      '  ✖ db              running         fai…',
      '  ↻ workers/mailer  backoff  2.0 s  tri…',
    ])
  })

  test('says who is well again', () => {
    const well = status(running, { db: running })
    expect(recovery(well, NOW - 1_300, ['shop/workers/mailer', 'shop/workers'], pane)).toBe(
      '✔ shop is well again after 1.3 s (workers/mailer)',
    )
  })
})

describe('a group that leaves', () => {
  const services: Readonly<Record<string, ServiceState>> = {
    db: { phase: 'running', health: 'pass', leaving: reason },
    orders: { phase: 'draining', reason, pending: 2 },
    mailer: { phase: 'drained', timedOut: true },
    api: { phase: 'stopping', reason, pending: 1 },
    old: { phase: 'stopped', how: 'abandoned', error },
  }
  const leaving = status({ phase: 'draining', reason, deadline: NOW + 22_000 }, services)

  test('has every line, the time that is left, and what a second Ctrl-C does', () => {
    expect(frame(leaving, pane)).toEqual([
      '⠴ shop is draining, 22 s left: SIGTERM',
      '  ✔ db      leaving    2.0 s',
      '  ⠴ orders  draining   2.0 s  2 pending',
      '  · mailer  drained    2.0 s  drain timed out',
      '  ⠴ api     stopping   2.0 s  1 pending',
      '  ✖ old     abandoned         connection lost',
      '  press Ctrl-C again to force',
    ])
  })

  test.each([
    [undefined, 'shop is draining: SIGTERM'],
    [NOW + 500, 'shop is draining, 0.5 s left: SIGTERM'],
    [NOW, 'shop is draining, time is up: SIGTERM'],
    [NOW + 117_000, 'shop is draining, 1 min 57 s left: SIGTERM'],
  ])('with a deadline at %s says "%s"', (deadline, text) => {
    const draining = { phase: 'draining', reason, ...(deadline !== undefined && { deadline }) } as const
    expect(frame(status(draining, {}), pane)[0]).toBe(`⠴ ${text}`)
  })

  test('because a service failed, says which, and nothing of Ctrl-C', () => {
    const failing = {
      phase: 'stopping',
      reason: { by: 'failure', service: 'shop/db', error },
      deadline: NOW + 22_000,
    } as const
    expect(frame(status(failing, { db: { phase: 'failed', error } }), pane)).toEqual([
      '⠴ shop is stopping, 22 s left: shop/db failed',
      '  ✖ db  failed  connection lost',
    ])
  })

  test('gives an error a line of its own where it is narrow', () => {
    expect(frame(leaving, { ...pane, columns: 36 }).slice(-4)).toEqual([
      '  ⠴ api     stopping   2.0 s  1 pen…',
      '  ✖ old     abandoned',
      '    connection lost',
      '  press Ctrl-C again to force',
    ])
  })

  test('in few rows tells first what it waits for, and still how to force it', () => {
    expect(frame(leaving, { ...pane, rows: 5 })).toEqual([
      '⠴ shop is draining, 22 s left: SIGTERM',
      '  ⠴ orders  draining  2.0 s  2 pending',
      '  … and 1 more leaving, 1 drained, 1 stopping, 1 abandoned',
      '  press Ctrl-C again to force',
    ])
  })
})

describe('texts of others', () => {
  const strange = (detail: string) =>
    status({ phase: 'running', health: 'warn' }, { db: { phase: 'running', health: 'warn', detail } })

  test('can neither begin a line, move the cursor nor colour anything', () => {
    expect(frame(strange('one\r\n\ttwo\u001b[2J\u001b[31m <b>three</b>\u0007'), pane)[1]).toBe(
      '  ▲ db  running  warn: one\\r\\n\\ttwo\\x1b[2J\\x1b[31m <b>three</b>\\x07',
    )
  })

  test.each([
    [30, '  ▲ db  running  warn: 数据库…'],
    [29, '  ▲ db  running  warn: 数据…'],
    [27, '  ▲ db  running  warn: 数…'],
  ])('with wide characters are cut to %d columns', (columns, line) => {
    expect(frame(strange('数据库连接很慢'), { ...pane, columns, rows: 3 })[1]).toBe(line)
  })
})

test.each<readonly [string, GroupStatus, boolean]>([
  ['before the start', status({ phase: 'idle' }, { db: { phase: 'idle' } }), false],
  ['while it starts', status(starting, { db: starting }), true],
  ['while all is well', status(running, { db: running }), false],
  [
    'while one is slow',
    status({ phase: 'running', health: 'warn' }, { db: { phase: 'running', health: 'warn' } }),
    false,
  ],
  ['while one waits for its restart', status({ phase: 'running', health: 'warn' }, { db: backoff }), true],
  ['while it leaves', status({ phase: 'stopping', reason }, { db: { phase: 'stopping', reason } }), true],
  ['when it is over', status({ phase: 'stopped', how: 'stopped' }, {}), false],
])('the picture turns by itself only while something moves: %s', (_, now, expected) =>
  expect(moves(now, stageOf(now))).toBe(expected),
)

describe('a picture is drawn', () => {
  test.each([
    [true, {}, true],
    [false, {}, false],
    [true, { TERM: 'dumb' }, false],
    [true, { CI: 'true' }, false],
    [true, { CI: 'false' }, true],
  ])('terminal: %s, %j: %s', (isTTY, env, expected) => expect(isLive({ isTTY }, env)).toBe(expected))

  test.each([
    ['linux', { TERM: 'xterm' }, true],
    ['linux', { TERM: 'linux' }, false],
    ['win32', {}, false],
    ['win32', { WT_SESSION: '1' }, true],
  ])('on %s, %j, with Unicode: %s', (platform, env, expected) => expect(hasUnicode(env, platform)).toBe(expected))
})
