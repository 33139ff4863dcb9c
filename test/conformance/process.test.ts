import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { type Child, startNode } from '../support/child.ts'
import { afterRepeats } from '../support/processes.ts'
import { scripts } from '../support/scripts.ts'

const write = scripts()
const PRELUDE = `import { writeSync } from 'node:fs'
import { serviceGroup, service, task, run } from 'rx-service-group'
const say = text => writeSync(1, text + '\\n')
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const hang = () => new Promise(() => {})
process.on('exit', code => say('exit code ' + code))
`
const program = (code: string): string => write(PRELUDE + code)
const start = (code: string, env?: Readonly<Record<string, string>>): Child => startNode([program(code)], env)

/** How long a shutdown took, as the report says, in milliseconds. */
const stopTook = (output: string): number => {
  const [, number, unit] = / in ([\d.]+) (ms|s): /.exec(output)!
  return Number(number) * (unit === 's' ? 1_000 : 1)
}

const SLOW = `const group = serviceGroup('shop').add(
  service('api', { start: () => void setTimeout(say, 0, 'up'), drain: () => sleep(1_500) }))
`

describe.concurrent('P1 signals', { timeout: 60_000 }, () => {
  test.each([
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
    ['SIGHUP', 'SIGTERM'],
  ] as const)('P1 a %s with %s 5, 80 and 400 ms after it is one request', async (first, repeat) => {
    const child = start(`${SLOW}group.add(service('hears', { unready: () => say('asked') }))
      await run(group)`)
    await child.says('up')
    child.kill(first)
    const begun = performance.now()
    // Of two signals that a process finds at once, the system does not tell which came first.
    await child.says('asked')
    for (const ms of [5, 75, 320]) {
      await sleep(ms)
      // On a busy machine this test itself may be late: what comes after half a second is no repeat.
      if (performance.now() - begun < 450) child.kill(repeat)
    }
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).toContain(`shop stopped gracefully in`)
    expect(output).toContain(`: ${first}\n`)
  })

  test('P1 a repeat that waits for a blocked event loop is a repeat still', async () => {
    const child = start(`const group = serviceGroup('shop').add(service('api', {
        start: () => void setTimeout(say, 0, 'up'),
        drain: () => {
          say('blocked')
          for (const end = performance.now() + 1_000; performance.now() < end; );
          return sleep(200)
        },
      }))
      await run(group)`)
    await child.says('up')
    child.kill('SIGTERM')
    await child.says('blocked')
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
  })

  test('P1 a later signal forces, and the process is gone as soon as its report is out', async () => {
    const child = start(`setInterval(() => {}, 1_000)
      const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(say, 0, 'up'),
        stop: ({ signal }) => (say('stopping'), new Promise(resolve => signal.addEventListener('abort', resolve))) }))
      await run(group)
      say('never said')`)
    await child.says('up')
    child.kill('SIGTERM')
    await child.says('stopping')
    await afterRepeats()
    child.kill('SIGINT')
    const { code, output, took } = await child.ended
    expect(code).toBe(130)
    expect(output).toMatch(/api .* forced/)
    expect(output).not.toContain('still alive')
    expect(output).not.toContain('never said')
    expect(took).toBeLessThan(900)
  })

  test('P1 a repeat does not kill a process that has stopped already and is about to exit', async () => {
    for (const ms of [0, 3, 6, 10, 15, 20, 30, 45]) {
      const child =
        start(`const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(say, 0, 'up') }))
        await run(group)
        say('handlers left: ' + ['SIGTERM', 'SIGINT', 'SIGHUP'].reduce((n, name) => n + process.listenerCount(name), 0))`)
      await child.says('up')
      child.kill('SIGINT')
      await sleep(ms)
      child.kill('SIGINT')
      const { code, signal, output } = await child.ended
      expect({ code, signal }).toEqual({ code: 0, signal: null })
      expect(output).toContain('handlers left: 0')
    }
  })

  test('P1 no signals are listened to when the list is empty', async () => {
    const child = start(`${SLOW}await run(group, { signals: [] })`)
    await child.says('up')
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: null, signal: 'SIGTERM' })
  })
})

describe.concurrent('P2 several groups in one process', { timeout: 60_000 }, () => {
  const TWO = `const quick = serviceGroup('quick').add(service('a', { stop: () => sleep(20) }))
    const slow = serviceGroup('slow').add(service('b', { start: () => void setTimeout(say, 0, 'up'),
      drain: () => sleep(1_800), stop: () => say('slow: saved its work') }))
  `

  test('P2 a signal reaches all, and the quick one does not end the process under the slow one', async () => {
    const child = start(`${TWO}
      await Promise.all([run(quick), run(slow)])
      say('both are over')`)
    await child.says('up')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).toMatch(/slow: saved its work[\s\S]*both are over/)
    expect(output).not.toContain('still alive')
  })

  test('P2 what keeps the process alive is ended after the last, with the worst exit code', async () => {
    const child = start(`${TWO}
      setInterval(() => {}, 1_000)
      quick.add(service('broken', { stop: () => Promise.reject(new Error('lost the key')) }))
      void run(slow, { exitGrace: 100 })
      void run(quick, { exitGrace: 200 })`)
    await child.says('up')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(1)
    expect(output).toMatch(/saved its work[\s\S]*still alive after 200 ms because of Timeout; exiting/)
  })

  test('P2 a run that begins later is not ended by the grace of an earlier one', async () => {
    const { code, output } = await start(`
      const one = serviceGroup('one').add(service('a', { start: ({ fail }) => void setTimeout(fail, 20, new Error('reload')) }))
      const two = serviceGroup('two').add(task('b', () => sleep(1_500).then(() => say('two: done'))))
      await run(one, { exitGrace: 300 })
      await run(two)
      say('the end')`).ended
    expect(code).toBe(1)
    expect(output).toMatch(/two: done[\s\S]*the end/)
    expect(output).not.toContain('still alive')
  })

  test('P2 two copies of the package in one process count together', async () => {
    const copy = write('', 'copy.mjs')
    await build({ entryPoints: ['dist/index.js'], bundle: true, platform: 'node', format: 'esm', outfile: copy })
    const child = start(`import * as other from ${JSON.stringify(copy)}
      const quick = serviceGroup('quick').add(service('a', {}))
      const slow = other.serviceGroup('slow').add(other.service('b', { start: () => void setTimeout(say, 0, 'up'),
        drain: () => sleep(1_000), stop: () => Promise.reject(new Error('lost the key')) }))
      setInterval(() => {}, 1_000)
      void run(quick, { exitGrace: 50 })
      void other.run(slow, { exitGrace: 50 })`)
    await child.says('up')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(output).toMatch(/lost the key[\s\S]*still alive after 50 ms/)
    expect(code).toBe(1)
  })

  test('P2 an exit code that the program has set stays, unless it is 0', async () => {
    const failing = `await run(serviceGroup('shop').add(service('a', { start: () => Promise.reject(new Error('no')) })))`
    expect(await start(`process.exitCode = 7\n${failing}`).ended).toMatchObject({ code: 7 })
    expect(await start(`process.exitCode = 0\n${failing}`).ended).toMatchObject({ code: 1 })
  })

  test('P2 twelve groups are no leak of listeners', async () => {
    const child = start(`process.on('warning', warning => say('warning: ' + warning.message))
      const all = Array.from({ length: 12 }, (_, i) => run(serviceGroup('g' + i).add(service('a', {})), { report: false }))
      setTimeout(say, 100, 'up')
      await Promise.all(all)`)
    await child.says('up')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).not.toContain('warning')
  })
})

describe.concurrent('P3 what throws in run', { timeout: 60_000 }, () => {
  test.each([
    ['{ signals: "SIGTERM" }', 'ERR_INVALID_OPTION'],
    ['{ signals: ["sigterm"] }', 'ERR_INVALID_OPTION'],
    ['{ signals: ["SIGKILL"] }', 'ERR_INVALID_OPTION'],
    ['{ signals: ["SIGNOTHING"] }', 'ERR_INVALID_OPTION'],
    ['{ exitGrace: -1 }', 'ERR_INVALID_DURATION'],
    ['{ drainDelay: "5s" }', 'ERR_INVALID_DURATION'],
    ['{ watchdog: { threshold: 0 } }', 'ERR_INVALID_DURATION'],
  ])('P3 %s is refused with %s, and leaves nothing behind', async (options, code) => {
    const { output } = await start(`
      const look = () => process.eventNames().map(name => String(name) + process.listenerCount(name)).sort().join()
      const before = look()
      await run(serviceGroup('shop').add(service('a', { start: () => say('started') })), ${options}).catch(error => say(error.code))
      say(look() === before && !/Timeout|Worker|Message/.test(process.getActiveResourcesInfo().join()) ? 'clean' : 'left')`)
      .ended
    expect(output).toBe(`${code}\nclean\nexit code 0\n`)
  })

  test('P3 a watchdog whose thread can not be made is told, and the group runs without it', async () => {
    const child = start(`process.getBuiltinModule('node:worker_threads').Worker = class {
        constructor() { throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' }) }
      }
      ${SLOW}await run(group, { watchdog: true })`)
    await child.says('up')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).toContain(
      `group "shop": runs without a watchdog, whose thread can't be made: Access to this API has been restricted; allow threads with --allow-worker, or leave out watchdog`,
    )
  })
})

describe.concurrent('P4 the clocks of run', { timeout: 60_000 }, () => {
  test.each([
    ['a signal', `process.kill(process.pid, 'SIGTERM')`],
    ['an uncaught error', `Promise.reject(new Error('nobody caught this'))`],
    ['stop()', `group.stop()`],
    ['a failing service', `fail(new Error('lost'))`],
    ['the end of one with onEnd', `end()`],
  ])('P4 the drain delay and the whole deadline count for %s', async (_, act) => {
    const { code, output } = await start(`let fail, end
      const ended = new Promise(resolve => { end = resolve })
      const aborted = ({ signal }) => new Promise(resolve => signal.addEventListener('abort', resolve))
      const group = serviceGroup('shop')
        .add(service('slow', { stop: aborted }))
        .add(service('api', { start: context => { fail = context.fail } }))
        .add(task('main', context => Promise.race([ended, aborted(context)])), { onEnd: 'stop-group' })
        .add(service('late', { start: () => void setTimeout(() => { ${act} }, 50) }))
      await run(group, { drainDelay: 300, shutdownTimeout: 900, forceTimeout: 2_000 })`).ended
    const late = Number(/late .*\+(\d+) ms +\d+ ms +stopped/.exec(output)![1])
    expect(late).toBeGreaterThanOrEqual(300)
    expect(late).toBeLessThan(900)
    expect(output).toMatch(/slow .* forced/)
    expect(stopTook(output)).toBeGreaterThanOrEqual(800)
    expect(code).toBe(1)
  })

  test('P4 nothing is waited for when all services have ended', async () => {
    const { output } =
      await start(`await run(serviceGroup('shop').add(task('a', () => sleep(20))), { drainDelay: 60_000 })
      await run(serviceGroup('empty'), { drainDelay: 60_000 })`).ended
    expect(output).toContain('exit code 0')
  })
})

describe.concurrent('P5 the report', { timeout: 60_000 }, () => {
  /** The larger, the more services. */
  const big = (count: number) => `const group = serviceGroup('shop', { forceTimeout: 50 })
    for (let i = 0; i < ${count}; i++) group.add(service('service-number-' + i, {}), { dependsOn: [] })
    group.add(service('stuck', { stop: hang }), { stopTimeout: 50, dependsOn: [] })
    setTimeout(() => process.kill(process.pid, 'SIGTERM'), 200)
    await run(group)`

  const piped = (code: string) => {
    const child = spawn(process.execPath, [program(code)], { stdio: ['ignore', 'pipe', 'pipe'] })
    return { child, exit: once(child, 'exit') as Promise<[number | null, string | null]> }
  }

  test('P5 is whole in a pipe whose reader is slow', async () => {
    const command = `exec ${process.execPath} ${program(big(1_000))} 2>&1 >/dev/null | (sleep 2.5; cat)`
    const shell = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })
    const report = await text(shell.stdout)
    // More than a pipe holds.
    expect(report.length).toBeGreaterThan(80_000)
    expect(report).toMatch(/service-number-999\n/)
    expect(report).toMatch(/error 1 shop\/stuck: .*\n/)
  })

  test('P5 a reader that takes nothing does not keep the process for ever', async () => {
    const { child, exit } = piped(big(10_000))
    const began = performance.now()
    expect(await exit).toEqual([1, null])
    expect(performance.now() - began).toBeLessThan(40_000)
    expect((await text(child.stderr)).length).toBeLessThan(800_000)
  })

  test('P5 a closed pipe is no error', async () => {
    const { child, exit } = piped(`const { log } = await import('rx-service-group/log')
      process.removeAllListeners('exit')
      const group = serviceGroup('shop').add(service('api', { drain: () => sleep(200) }))
      log(group)
      setTimeout(() => process.stdout.write('up\\n'), 100)
      await run(group)`)
    for await (const chunk of child.stdout) if (String(chunk).includes('up')) break
    child.stdout.destroy()
    child.kill('SIGTERM')
    expect(await text(child.stderr)).toMatch(
      /process: standard output can't be written any more: write EPIPE; going on without it\n[\s\S]*shop stopped gracefully/,
    )
    expect(await exit).toEqual([0, null])
  })

  test('P5 nor is one of standard error', async () => {
    const { child, exit } = piped(`${SLOW}setInterval(() => process.stderr.write('noise\\n'), 20).unref()
      await run(group)`)
    await once(child.stdout, 'data')
    child.stderr.destroy()
    child.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
  })

  test('P5 a thousand equal uncaught errors are one line with a count, and a million different ones are bounded', async () => {
    const { code, output } = await start(`const group = serviceGroup('shop').add(service('api', { stop: () => {
        for (let i = 0; i < 1_000; i++) Promise.reject(new Error('out of cheese'))
        for (let i = 0; i < 1_000; i++) setImmediate(() => { throw new TypeError('number ' + i) })
      } }))
      setTimeout(() => group.stop(), 50)
      const { errors } = await run(group)
      say('kept: ' + errors.length + ', told: ' + errors.reduce((sum, { count = 1 }) => sum + count, 0))`).ended
    expect(code).toBe(1)
    expect(output).toMatch(/error 1 shop: out of cheese x 1000\n/)
    expect(output).toContain('kept: 101, told: 2000')
  })

  test('P5 errors that nobody catches while the report is written are told after it', async () => {
    const { code, output } = await start(`const group = serviceGroup('shop').add(service('api', {}))
      setTimeout(() => group.stop(), 50)
      const report = await run(group, { report: async () => {
        setTimeout(() => { throw new Error('the last moment') }, 10)
        await sleep(50)
      } })
      say(report.ok + ' ' + report.errors[0].message)`).ended
    expect(code).toBe(1)
    expect(output).toMatch(/^group "shop": 1 more uncaught after the report, the last: the last moment \(at .+\)$/m)
    expect(output).toContain('false the last moment')
  })

  test.each([
    ['throws', '() => { throw new Error("no disk") }', 'failed: no disk'],
    ['rejects', 'async () => { throw undefined }', 'failed: undefined, thrown instead of an Error'],
    ['never settles', '() => hang()', 'did not settle within 5 s'],
  ])('P5 a report callback that %s is told, and the report is printed', async (_, report, problem) => {
    const { code, output } = await start(`const group = serviceGroup('shop').add(service('api', {}))
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50)
      await run(group, { report: ${report} })`).ended
    expect(code).toBe(0)
    expect(output).toContain(`group "shop": the report callback ${problem}; printing the report\n`)
    expect(output).toContain('shop stopped gracefully')
  })

  test('P5 an asynchronous report callback is waited for', async () => {
    const child = start(`setInterval(() => {}, 1_000)
      const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(say, 0, 'up') }))
      await run(group, { exitGrace: 0, report: async ({ outcome }) => { await sleep(300); say('sent: ' + outcome) } })`)
    await child.says('up')
    child.kill('SIGTERM')
    const { output } = await child.ended
    expect(output).toContain('sent: stopped\nexit code 0')
  })

  test('P5 process.exit() amid a shutdown is told with who was not stopped', async () => {
    const child = start(`const group = serviceGroup('shop').add(service('db', {}))
        .add(service('queue', { stop: () => process.exit(3) }))
        .add(service('api', { start: () => void setTimeout(say, 0, 'up') }))
      await run(group)`)
    await child.says('up')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(3)
    expect(output).toContain(
      'group "shop": process.exit() was called during the shutdown (SIGTERM); not stopped: db, queue\n',
    )
  })

  test('P5 process.exit() right after stop() does not swallow the report', async () => {
    const { output } = await start(`const group = serviceGroup('shop').add(service('db', {}))
      setTimeout(() => group.stop().then(() => process.exit()), 50)
      await run(group)`).ended
    expect(output).toContain('shop stopped gracefully')
  })
})

describe.concurrent('P6 a parent', { timeout: 60_000 }, () => {
  const parent = (code: string) =>
    write(`import { fork } from 'node:child_process'\nimport cluster from 'node:cluster'\n${PRELUDE}${code}`)

  test('P6 a fork that listens for messages is gone as soon as it has stopped', async () => {
    const { output } = await startNode([
      parent(`if (!process.send) {
          const child = fork(process.argv[1])
          let told
          child.on('message', () => { told = performance.now(); child.kill('SIGTERM') })
          child.on('exit', code => say('child: ' + code + (performance.now() - told < 900 ? ' at once' : ' late')))
        } else {
          process.on('message', () => {})
          const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(() => process.send('up'), 0) }))
          await run(group)
        }`),
    ]).ended
    expect(output).toContain('child: 0 at once')
    expect(output).not.toContain('still alive')
  })

  test.each([
    ['worker.disconnect() by the primary', 'worker.disconnect()', 'disconnect'],
    ['worker.kill() by the primary', 'worker.kill()', ''],
    ['worker.disconnect() in the worker', `worker.send('leave')`, 'disconnect'],
  ])('P6 %s asks a cluster worker to leave: its requests are answered', async (_, act, why) => {
    const { output } = await startNode([
      parent(`if (cluster.isPrimary) {
          const worker = cluster.fork()
          worker.on('message', () => ${act})
          worker.on('exit', (code, signal) => say('worker: ' + code + ' ' + signal))
        } else {
          const { http } = await import('rx-service-group/http')
          process.on('message', () => cluster.worker.disconnect())
          const group = serviceGroup('shop').add(http('api', (_, response) => {
            process.send('up')
            setTimeout(() => response.end('answered'), 400)
          }, { port: 0 }))
          group.health$.subscribe(async ({ ready }) => {
            if (ready) say(await (await fetch(group.status.service('shop/api').state.info.url)).text())
          })
          await run(group)
        }`),
    ]).ended
    expect(output).toContain('answered')
    expect(output).toContain('worker: 0 null')
    expect(output).toMatch(new RegExp(`shop stopped gracefully in \\d+ ms: ${why}`))
  })

  test('P6 the exit grace is an option: 0 ends at once, Infinity never', async () => {
    const lingering = (exitGrace: number | string) =>
      start(`setTimeout(() => say('lingered'), 1_500)
        const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(say, 0, 'up') }))
        await run(group, { exitGrace: ${exitGrace} })`)
    const [none, short, never] = [lingering(0), lingering(200), lingering('Infinity')]
    for (const child of [none, short, never]) {
      await child.says('up')
      child.kill('SIGTERM')
    }
    expect((await none.ended).output).not.toMatch(/lingered|still alive/)
    expect((await short.ended).output).toMatch(/still alive after 200 ms because of Timeout; exiting/)
    expect((await never.ended).output).toContain('lingered')
  })
})
