import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { type Child, startNode } from '../support/child.ts'
import { type NotifySocket, notifySocket } from '../support/notify-socket.ts'
import { scripts } from '../support/scripts.ts'

const write = scripts()

/** Without a package, a Node below 26 tells systemd by this command: `apt-get install systemd`. */
const hasCommand = spawnSync('systemd-notify', ['--version']).status === 0
const hasFfi = process.getBuiltinModule('node:ffi' as 'node:fs') !== undefined
const canTell = hasCommand || hasFfi

/** Steps of a program are taken one by one, at SIGUSR2. */
const BEGIN = `import { serviceGroup, service, run } from 'rx-service-group'
const steps = []
let early = 0
const next = () => early > 0 ? Promise.resolve(early--) : new Promise(resolve => steps.push(resolve))
process.on('SIGUSR2', () => steps.length > 0 ? steps.shift()() : early++)
const hang = () => new Promise(() => {})
const say = text => console.log(text)
`

interface Told {
  readonly child: Child
  readonly socket: NotifySocket
  /** Settles once systemd hears a text; rejects if the process ends without it. */
  heard(text: string | RegExp): Promise<unknown>
  /** Takes the next step, and waits until systemd hears of it. */
  step(heard: string | RegExp): Promise<unknown>
}

const start = async (code: string, env: Readonly<Record<string, string>> = {}, abstract?: string): Promise<Told> => {
  const socket = await notifySocket(abstract)
  // A shutdown is not cut short by the container that the tests may run in.
  const more = { NOTIFY_SOCKET: socket.path, RX_SERVICE_GROUP_GRACE: '60000', NO_COLOR: '1', ...env }
  const child = startNode([write(`${BEGIN}${code}`)], more)
  const heard: Told['heard'] = text =>
    Promise.race([
      socket.hears(text),
      child.ended.then(({ output }) => {
        throw new Error(`it ended without telling "${text}", but ${socket.told.join('\n')}:\n${output}`)
      }),
    ])
  return {
    child,
    socket,
    heard,
    step: text => {
      child.kill('SIGUSR2')
      return heard(text)
    },
  }
}

/** The datagrams without numbers that differ from run to run, and without a start that may be too short to be told. */
const traceFromReady = (socket: NotifySocket): readonly string[] =>
  traceOf(socket).filter(text => !text.startsWith('STATUS=starting'))

/** The datagrams without numbers that differ from run to run. */
const traceOf = ({ told }: NotifySocket): readonly string[] =>
  told.map(text => text.replace(/\d+ s left/, 'N s left').replace(/(EXTEND_TIMEOUT_USEC|MONOTONIC_USEC)=\d+/, '$1=N'))

const extensionsOf = ({ told }: NotifySocket): readonly number[] =>
  told.flatMap(text => {
    const [, usec] = /EXTEND_TIMEOUT_USEC=(\d+)/.exec(text) ?? []
    return usec === undefined ? [] : [Number(usec) / 1_000]
  })

describe.runIf(canTell).concurrent('P6 systemd is told', { timeout: 60_000 }, () => {
  test('P6 the whole life of a group, each change in its order, in one line each', async () => {
    const { child, socket, heard, step } = await start(`
      const orders = service('orders', {
        start: async ({ setHealth }) => {
          await next()
          void next().then(() => setHealth('warn', 'slow disk\\rREADY=0 \\x1b[31m'))
            .then(next).then(() => setHealth('pass'))
        },
        drain: async ({ pending }) => {
          for (const left of [3, 2, 1]) {
            pending(left)
            await next()
          }
        },
        stop: next,
      })
      await run(serviceGroup('shop').add(service('db', {})).add(orders), { shutdownTimeout: 20_000 })
    `)
    await heard('orders')
    await step('READY=1')
    await step('degraded')
    child.kill('SIGUSR2')
    await heard(/^STATUS=running/)
    child.kill('SIGTERM')
    await heard('3 in flight')
    await step('2 in flight')
    await step('1 in flight')
    await step('stopping')
    child.kill('SIGUSR2')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(traceOf(socket)).toEqual([
      'STATUS=starting: 1 of 2 ready, orders',
      'READY=1; STATUS=running: 2 of 2 ready',
      'STATUS=degraded: 2 of 2 ready, orders: slow disk\\rREADY=0 \\x1b[31m',
      'STATUS=running: 2 of 2 ready',
      'STOPPING=1; STATUS=draining: orders, 3 in flight, N s left',
      'STATUS=draining: orders, 2 in flight, N s left; EXTEND_TIMEOUT_USEC=N',
      'STATUS=draining: orders, 1 in flight, N s left; EXTEND_TIMEOUT_USEC=N',
      'STATUS=stopping: orders, 0 of 2 stopped, N s left; EXTEND_TIMEOUT_USEC=N',
      'STATUS=stopped',
    ])
  })
  test('P6 a drain that hangs: it asks for no more time until the group goes on without it', async () => {
    const { child, socket, heard } = await start(`
      const orders = service('orders', { drain: hang, stop: next })
      const group = serviceGroup('shop').add(service('db', {})).add(orders, { drainTimeout: 7_500 })
      await run(group, { shutdownTimeout: 20_000 })
    `)
    await heard('READY=1')
    child.kill('SIGTERM')
    await heard('stopping')
    child.kill('SIGUSR2')
    expect(await child.ended).toMatchObject({ code: 1 })
    expect(traceFromReady(socket)).toEqual([
      'READY=1; STATUS=running: 2 of 2 ready',
      'STOPPING=1; STATUS=draining: orders, N s left',
      // The time that is left, anew, and nothing asked for.
      'STATUS=draining: orders, N s left',
      'STATUS=stopping: orders, 0 of 2 stopped, N s left; EXTEND_TIMEOUT_USEC=N',
      'STATUS=stopped',
    ])
  })

  test('P6 it asks for no more time than the shutdown may take', async () => {
    const { child, socket, heard, step } = await start(`
      const drain = async ({ pending }) => {
        pending(2)
        await next()
        pending(1)
        await next()
      }
      await run(serviceGroup('shop').add(service('orders', { drain })), { shutdownTimeout: 20_000, forceTimeout: 500 })
    `)
    await heard('READY=1')
    child.kill('SIGTERM')
    await heard('2 in flight')
    await step('1 in flight')
    child.kill('SIGUSR2')
    await child.ended
    const extensions = extensionsOf(socket)
    expect(extensions.length).toBeGreaterThan(0)
    expect(Math.max(...extensions)).toBeLessThanOrEqual(20_500)
    expect(Math.min(...extensions)).toBeGreaterThan(10_000)
    expect(extensions).toEqual(extensions.toSorted((a, b) => b - a))
  })

  test('P6 a failed start, with its cause', async () => {
    const { child, socket, heard } = await start(`
      const api = service('api', { start: () => next().then(() => Promise.reject(new Error('no route to host'))) })
      await run(serviceGroup('shop').add(service('db', {})).add(api))
    `)
    await heard('api')
    child.kill('SIGUSR2')
    expect(await child.ended).toMatchObject({ code: 1 })
    expect(traceOf(socket)).toEqual([
      'STATUS=starting: 1 of 2 ready, api',
      'STOPPING=1; STATUS=failed: api: no route to host',
    ])
  })

  test('P6 a late failure, which ends the process', async () => {
    const { child, socket, heard } = await start(`
      const api = service('api', { start: ({ fail }) => void next().then(() => fail(new Error('connection lost'))) })
      await run(serviceGroup('shop').add(service('db', { stop: next })).add(api))
    `)
    await heard('READY=1')
    child.kill('SIGUSR2')
    await heard('STOPPING')
    child.kill('SIGUSR2')
    expect(await child.ended).toMatchObject({ code: 1 })
    expect(traceFromReady(socket)).toEqual([
      'READY=1; STATUS=running: 2 of 2 ready',
      'STOPPING=1; STATUS=stopping: db, 1 of 2 stopped, N s left',
      'STATUS=failed: api: connection lost',
    ])
  })

  test('P6 a service that restarts makes it degraded, and ready once only', async () => {
    const { child, socket, heard, step } = await start(`
      let lives = 0
      const api = service('api', {
        start: async ({ fail }) => {
          if (++lives > 1) return next()
          void next().then(() => fail(new Error('connection lost')))
        },
      })
      const restart = { policy: 'permanent', initialDelay: 1, jitter: 0 }
      await run(serviceGroup('shop').add(service('db', {})).add(api, { restart }))
    `)
    await heard('READY=1')
    await step('degraded')
    await step(/^STATUS=running/)
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(traceFromReady(socket).filter(text => !/STATUS=degraded/.test(text))).toEqual([
      'READY=1; STATUS=running: 2 of 2 ready',
      'STATUS=running: 2 of 2 ready',
      'STOPPING=1; STATUS=stopped',
    ])
    expect(socket.told.find(text => text.includes('degraded'))).toMatch(/^STATUS=degraded: 1 of 2 ready, api: /)
  })

  test('P6 another group in place of the first is a reload', async ({ expect }) => {
    const { child, socket, heard } = await start(`
      const make = name => serviceGroup('shop').add(service(name, {}))
      const first = make('old')
      void first.ready.then(next).then(() => first.stop('new configuration'))
      await run(first)
      await run(make('new'))
    `)
    await heard('READY=1')
    const before = Number(process.hrtime.bigint() / 1_000n)
    child.kill('SIGUSR2')
    await expect.poll(() => socket.told.filter(text => text.startsWith('READY')).length).toBe(2)
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(traceFromReady(socket)).toEqual([
      'READY=1; STATUS=running: 1 of 1 ready',
      'STATUS=stopped',
      'RELOADING=1; MONOTONIC_USEC=N',
      'READY=1; STATUS=running: 1 of 1 ready',
      'STOPPING=1; STATUS=stopped',
    ])
    const [, usec] = /MONOTONIC_USEC=(\d+)/.exec(socket.told.join()) ?? []
    expect(Number(usec)).toBeGreaterThanOrEqual(before)
  })

  test('P6 several groups of a process as one: ready after the last, stopping with all', async () => {
    const { child, socket, heard, step } = await start(`
      const shop = serviceGroup('shop').add(service('api', {}))
      const jobs = serviceGroup('jobs').add(service('mailer', { start: next }))
      await Promise.all([run(shop), run(jobs)])
    `)
    await heard('jobs starting: 0 of 1 ready, mailer')
    await step('READY=1')
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
    const told = traceFromReady(socket)
    expect(told.filter(text => /^(READY|STOPPING)/.test(text))).toEqual([
      'READY=1; STATUS=shop running: 1 of 1 ready | jobs running: 1 of 1 ready',
      expect.stringMatching(/^STOPPING=1; STATUS=shop stopp.* | jobs stopp/),
    ])
  })

  test('P6 its watchdog, while the event loop is free, and not while it is blocked', async ({ expect }) => {
    const block = 3_000
    const { child, socket } = await start(
      `
      await run(serviceGroup('shop').add(service('api', {
        start: () => void next().then(() => {
          say('blocking')
          for (const end = performance.now() + ${block}; performance.now() < end; );
        }),
      })))
    `,
      { WATCHDOG_USEC: '600000' },
    )
    const beats = (): readonly number[] => socket.times.filter((_, i) => socket.told[i] === 'WATCHDOG=1')
    await expect.poll(() => beats().length).toBeGreaterThan(3)
    child.kill('SIGUSR2')
    await child.says('blocking')
    const at = performance.now()
    const before = beats().length
    await expect.poll(() => beats().length).toBeGreaterThan(before + 3)
    child.kill('SIGTERM')
    await child.ended
    // The last one before the block may still be on its way.
    expect(beats().filter(time => time > at + block / 2 && time < at + block - 300)).toEqual([])
  })

  test('P6 nothing of a watchdog that is meant for another process', async () => {
    const { child, socket, heard, step } = await start(
      `await run(serviceGroup('shop').add(service('api', { start: ({ setHealth }) => {
        void next().then(() => setHealth('warn'))
      } })))`,
      { WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' },
    )
    await heard('READY=1')
    await step('degraded')
    child.kill('SIGTERM')
    await child.ended
    expect(socket.told).not.toContain('WATCHDOG=1')
  })

  test('P6 by a process whose children do not inherit where systemd listens', async () => {
    const { child, heard } = await start(
      `import { execFileSync } from 'node:child_process'
      await run(serviceGroup('shop').add(service('api', { start: () => {
        const code = 'console.log("child:", process.env.NOTIFY_SOCKET, process.env.WATCHDOG_USEC)'
        say(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }))
      } })))`,
      { WATCHDOG_USEC: '60000000' },
    )
    await child.says('child: undefined undefined')
    await heard('READY=1')
    child.kill('SIGTERM')
    await child.ended
  })

  test('P6 by the process itself, as its sender', async () => {
    const { child, socket, heard } = await start(`await run(serviceGroup('shop').add(service('api', {})))`)
    await heard('READY=1')
    child.kill('SIGTERM')
    await child.ended
    // Only root may send in the name of another process.
    if (hasFfi || process.getuid?.() === 0) expect([...socket.senders]).toEqual([child.pid])
  })

  test('P6 on an abstract socket too', async () => {
    const { child, socket, heard } = await start(
      `await run(serviceGroup('shop').add(service('api', {})))`,
      {},
      `@rx-service-group-${process.pid}`,
    )
    await heard('READY=1')
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(socket.told.at(-1)).toContain('STATUS=stopped')
  })
})

describe.concurrent('P6 systemd is told nothing', { timeout: 60_000 }, () => {
  const GROUP = `await run(serviceGroup('shop').add(service('api', { start: () => say('up') })), {})`
  const socketless = { NOTIFY_SOCKET: '/nowhere/notify' }

  test('P6 with notify: false, which leaves the environment alone', async () => {
    const { child, socket } = await start(`
      await run(serviceGroup('shop').add(service('api', { start: () => say(process.env.NOTIFY_SOCKET) })), { notify: false })
    `)
    await child.says(socket.path)
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(socket.told).toEqual([])
  })

  test('P6 by an app of PM2, which passes on where systemd listens', async () => {
    const { child, socket } = await start(GROUP, { pm_id: '0' })
    await child.says('up')
    child.kill('SIGINT')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(socket.told).toEqual([])
  })

  test('P6 by a worker of a cluster, whose primary goes on without it', async () => {
    const { child, socket } = await start(`
      import cluster from 'node:cluster'
      if (cluster.isPrimary) cluster.fork()
      else {
        void run(serviceGroup('shop').add(service('api', { start: () => say('up') })))
      }
    `)
    await child.says('up')
    child.kill('SIGTERM')
    await child.ended
    expect(socket.told).toEqual([])
  })

  test.skipIf(hasFfi)('P6 when no way is there: one line says what to install, and all goes on', async () => {
    const child = startNode([write(`${BEGIN}${GROUP}`)], { NOTIFY_SOCKET: '/nowhere/notify', PATH: '/nowhere' })
    await child.says('npm install unix-dgram')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output.match(/systemd can't be told.*/g)).toEqual([
      `systemd can't be told anything (node:ffi: not in Node ${process.versions.node}; unix-dgram: not installed; systemd-notify: not found); npm install unix-dgram`,
    ])
  })

  test.runIf(canTell)('P6 when nobody listens: one line tells why, and the shutdown is not kept waiting', async () => {
    const child = startNode([write(`${BEGIN}${GROUP}`)], socketless)
    await child.says("can't be told")
    child.kill('SIGTERM')
    const { code, output, took } = await child.ended
    expect(code).toBe(0)
    expect(output.match(/can't be told/g)).toHaveLength(1)
    expect(took).toBeLessThan(10_000)
  })
})
