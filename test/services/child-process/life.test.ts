import { execFile } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { type ServiceError, serviceGroup } from 'rx-service-group'
import { type ChildProcessOptions, childProcess } from 'rx-service-group/child-process'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { live } from '../../support/life.ts'
import { isAlive } from '../../support/processes.ts'
import { scripts } from '../../support/scripts.ts'

// Processes take their time on a busy machine.
vi.setConfig({ testTimeout: 20_000 })

const script = scripts()
const node = process.execPath

const seen = new Set<number>()
afterAll(() => {
  for (const pid of seen) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
})

/** A process, its output kept. */
const start = (command: string, args: readonly string[], options: ChildProcessOptions = {}) => {
  const output: string[] = []
  const life = live(
    childProcess('api', command, args, { output: (line, from) => output.push(`${from}: ${line}`), ...options }),
  )
  /** A pid it has told in its state or its output, as `name=123`. */
  const pid = async (name?: string): Promise<number> => {
    const told = () =>
      name === undefined
        ? life.states.map(({ info }) => info?.['pid']).find(pid => pid !== undefined)
        : output.map(line => RegExp(`${name}=(\\d+)`).exec(line)?.[1]).find(Boolean)
    const found = Number(await vi.waitUntil(told, { timeout: 15_000, interval: 5 }))
    seen.add(found)
    return found
  }
  return { ...life, output, pid }
}
const sh = (code: string, options: ChildProcessOptions = {}) => start('sh', ['-c', code], options)
const js = (code: string, options: ChildProcessOptions = {}) => start(node, [script(code)], options)

describe('a process starts', () => {
  test('it is running when it is spawned, and says its pid', async () => {
    const life = sh('exec sleep 60')
    const { info } = await life.until('running')
    const pid = await life.pid()
    expect(info).toEqual({ pid })
    expect(isAlive(pid)).toBe(true)
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(life.phases()).toEqual(['starting', 'running', 'stopping', 'stopped'])
    expect(isAlive(pid)).toBe(false)
  })

  test('with a regular expression it is running when a line of its output matches, of either stream', async () => {
    for (const to of ['1', '2']) {
      const life = sh(`echo loading; sleep 0.05; echo listening on 80 >&${to}; exec sleep 60`, { ready: /listening/ })
      await life.until('running')
      expect(life.output.at(-1)).toMatch(/listening on 80$/)
      life.tell('stop')
      await life.until('stopped')
    }
  })

  test("with ready: 'message' it is running when it says so over its channel", async () => {
    const life = js("setTimeout(() => process.send('ready'), 30); setInterval(() => {}, 1000)", { ready: 'message' })
    await life.until('running')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
  })

  test('a function is asked until it settles well', async () => {
    const file = script('')
    const life = sh(`sleep 0.05; echo up > ${file}; exec sleep 60`, { ready: () => readFileSync(file, 'utf8') !== '' })
    await life.until('running')
    expect(readFileSync(file, 'utf8')).toBe('up\n')
    life.tell('stop')
    await life.until('stopped')
  })

  test('it runs where it is told, with the environment it is given, and a standard input that stays open', async () => {
    const cwd = dirname(script(''))
    const life = sh('pwd; echo $COLOUR; read line; echo $line', {
      cwd,
      env: { COLOUR: 'blue' },
      attach: ({ stdin }) => {
        setTimeout(() => stdin?.write('hello\n'), 50)
      },
    })
    expect(await life.ended()).toBeUndefined()
    expect(life.output).toEqual([`stdout: ${cwd}`, 'stdout: blue', 'stdout: hello'])
  })

  test('what is no command, may not be run, or has no such folder is one clear error', async () => {
    const file = script('echo hello', 'sh')
    chmodSync(file, 0o644)
    const orphan = script('#!/no/such/interpreter', 'sh')
    chmodSync(orphan, 0o755)
    const long = 'x'.repeat(200_000)
    const wrong: readonly (readonly [life: ReturnType<typeof start>, code: string, path: string, message: string])[] = [
      [
        start('no-such-command', []),
        'ENOENT',
        'no-such-command',
        `can't run "no-such-command": there is no such command (ENOENT); install it, or give its whole path`,
      ],
      [
        start('/no/such/file', []),
        'ENOENT',
        '/no/such/file',
        `can't run "/no/such/file": there is no such file (ENOENT); check the path`,
      ],
      [
        start(orphan, []),
        'ENOENT',
        orphan,
        `can't run "${orphan}": the program that its first line names is not there (ENOENT); install that, or change the line`,
      ],
      [
        start(file, []),
        'EACCES',
        file,
        `can't run "${file}": it is not executable (EACCES); change its rights (chmod +x), or name what runs it as the command`,
      ],
      [
        start(dirname(file), []),
        'EACCES',
        dirname(file),
        `can't run "${dirname(file)}": it is a folder (EACCES); give the program inside it`,
      ],
      [
        start('ls', [], { cwd: '/no/such/folder' }),
        'ENOENT',
        'ls',
        `can't run "ls": there is no folder /no/such/folder to run it in (ENOENT); make it, or give another cwd`,
      ],
      [
        start('ls', [], { cwd: file }),
        'ENOTDIR',
        'ls',
        `can't run "ls": ${file} is no folder to run it in (ENOTDIR); give another cwd`,
      ],
      [
        start('ls', [long]),
        'E2BIG',
        'ls',
        `can't run "ls": its arguments and its environment are too long (E2BIG); pass less, or pass it in a file`,
      ],
    ]
    for (const [life, code, path, message] of wrong)
      expect(await life.ended()).toMatchObject({
        code: 'ERR_START_FAILED',
        message: `service "api": start failed: ${message}`,
        cause: { code, path, cause: { code } },
      })
  })

  test('for want of open files it is a failed start that says so, and the next one runs', async () => {
    const program = script(`
      import { openSync, closeSync } from 'node:fs'
      import { service, serviceGroup } from 'rx-service-group'
      import { childProcess } from 'rx-service-group/child-process'
      for (const ready of [undefined, 'message']) {
        const group = serviceGroup('shop').add(childProcess('api', 'sleep', ['60'], { ready }))
        const files = []
        try { for (;;) files.push(openSync('/dev/null')) } catch {}
        const failed = group.start()
        const error = await failed.catch(error => error)
        for (const file of files) closeSync(file)
        console.log(error.cause.code, error.cause.cause.code, error.message)
      }
      const group = serviceGroup('shop').add(childProcess('api', 'sleep', ['60']))
      await group.start()
      console.log('runs', (await group.stop()).ok)
    `)
    const { stdout } = await promisify(execFile)('sh', ['-c', `ulimit -n 200; exec "${node}" "${program}"`])
    const why = `can't run "sleep": this process has too many files open (EMFILE); close some, or raise the limit (ulimit -n)`
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(`^ERR_START_FAILED EMFILE .*${why.replace(/[()]/g, '\\$&')}`),
      expect.stringMatching(`^ERR_START_FAILED EMFILE .*${why.replace(/[()]/g, '\\$&')}`),
      'runs true',
    ])
  })

  test('one that ends before it is ready has failed to start, however it ended', async () => {
    expect(String(await sh('echo no licence >&2; exit 3', { ready: /up/ }).ended())).toMatch(
      /start failed: exited with code 3: no licence$/,
    )
    expect(String(await sh('exit 0', { ready: /up/ }).ended())).toMatch(/it ended before it was ready$/)
    expect(String(await js('const = 1', { ready: 'message' }).ended())).toMatch(
      /start failed: exited with code 1: SyntaxError: Unexpected token '='$/,
    )
  })

  test('one that never gets ready is ended with all it has spawned, and the last answer of its probe is told', async () => {
    const output: string[] = []
    const api = childProcess('api', 'sh', ['-c', 'sleep 60 & echo inner=$!; wait'], {
      ready: () => Promise.reject(new Error('connection refused')),
      output: line => output.push(line),
    })
    const group = serviceGroup('shop').add(api, { startTimeout: 1_500, stopTimeout: 5_000 })
    const error = await group.start().catch(error => error)
    expect(String(error)).toMatch(/service "api": start timed out after 1.5 s: .*connection refused/)
    expect(isAlive(Number(output[0]?.split('=')[1]))).toBe(false)
  })

  test('one that is stopped while it starts is ended', async () => {
    const life = sh('exec sleep 60', { ready: /never/ })
    const pid = await life.pid()
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(life.phases()).toEqual(['starting', 'stopping', 'stopped'])
    expect(isAlive(pid)).toBe(false)
  })

  test.each([
    ['', [], {}],
    [undefined, [], {}],
    ['ls', 'la', {}],
    ['ls', [1], {}],
    ['ls', [], { stopSignal: 'SIGNOTHING' }],
    ['ls', [], { ready: 'spawned' }],
  ])('%j %j %j is refused at the call', (command, args, options) => {
    expect(() => childProcess('api', command as string, args as string[], options as ChildProcessOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'api' }),
    )
  })
})

describe('a process ends', () => {
  test('with code 0: it has ended, with all its lines told, also the last', async () => {
    const life = sh("printf 'one\\ntwo\\r\\nthrée'; printf 'last words' >&2")
    expect(await life.ended()).toBeUndefined()
    expect(life.states.at(-1)).toMatchObject({ phase: 'stopped', how: 'ended' })
    expect(life.output.toSorted()).toEqual(['stderr: last words', 'stdout: one', 'stdout: thrée', 'stdout: two'])
  })

  test('no line is lost when it writes a lot and exits', async () => {
    const life = sh('i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done')
    await life.ended()
    expect(life.output.length).toBe(20_000)
    expect(life.output.at(-1)).toBe('stdout: line 19999')
  })

  test('what it wrote before its end is told before its end, also when nobody could listen meanwhile', async () => {
    const life = sh("head -c 60000 /dev/zero | tr '\\0' x; echo; echo the end", {
      attach: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300),
    })
    expect(await life.ended()).toBeUndefined()
    expect(life.output.map(line => line.length)).toEqual([60_008, 15])
  })

  test('with another code: a failure that tells it, with its last words as the cause', async () => {
    const error = (await js("setTimeout(() => { throw new TypeError('boom') }, 20)").ended()) as ServiceError
    expect([error.code, error.message]).toEqual([
      'ERR_SERVICE_FAILED',
      'service "api": failed: exited with code 1: TypeError: boom',
    ])
    const words = (error.cause as Error).cause as Error
    expect(words).toMatchObject({ name: 'StandardError', exitCode: 1, signal: null })
    expect(words.message).toMatch(/TypeError: boom\n {4}at .*\.mjs:1/)
  })

  test('by a signal that nobody here has sent: a failure that tells it', async () => {
    const life = sh('exec sleep 60')
    process.kill(await life.pid(), 'SIGKILL')
    expect(String(await life.ended())).toMatch(/service "api": failed: was killed by SIGKILL$/)
  })

  test('what it leaves behind then is killed before it counts as gone', async () => {
    const life = sh('sleep 60 >/dev/null 2>&1 & echo inner=$!; sleep 0.1; exit 3')
    const inner = await life.pid('inner')
    expect(String(await life.ended())).toContain('exited with code 3')
    expect(isAlive(inner)).toBe(false)
  })

  test('and is restarted, twenty times, which leaves nothing', async () => {
    const pids: number[] = []
    const others: boolean[] = []
    const listeners = process.listenerCount('exit')
    const api = childProcess('api', 'sh', ['-c', 'sleep 60 & wait'], {
      attach: ({ pid }) => {
        others.push(pids.some(isAlive))
        pids.push(pid!)
        seen.add(pid!)
      },
    })
    const group = serviceGroup('shop').add(api, {
      restart: { policy: 'permanent', initialDelay: 1, maxDelay: 1, maxRestarts: 100 },
    })
    await group.start()
    expect(process.listenerCount('exit')).toBe(listeners + 1)
    for (let crash = 1; crash <= 20; crash++) {
      process.kill(pids.at(-1)!, 'SIGKILL')
      await expect
        .poll(() => [pids.length, group.status.service('shop/api')?.state.phase], { interval: 5 })
        .toEqual([crash + 1, 'running'])
    }
    expect((await group.stop()).services[0]).toMatchObject({ restarts: 20, outcome: 'stopped' })
    expect(others).toEqual(Array(21).fill(false))
    expect(pids.some(isAlive)).toBe(false)
    expect(process.listenerCount('exit')).toBe(listeners)
    await expect.poll(() => process.getActiveResourcesInfo().filter(kind => kind === 'ProcessWrap')).toEqual([])
  }, 30_000)
})

describe('a process is stopped', () => {
  test('it is asked with its signal and waited for', async () => {
    const life = sh("trap 'sleep 0.05; echo bye; exit 0' INT; echo up; while :; do sleep 0.01; done", {
      ready: /up/,
      stopSignal: 'SIGINT',
    })
    await life.until('running')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(life.output).toEqual(['stdout: up', 'stdout: bye'])
    expect(life.states.at(-1)).toMatchObject({ how: 'stopped' })
  })

  test('128 and its signal is a good end, another code is a failed stop that tells it', async () => {
    const trapping = (code: number) =>
      `trap 'echo half done >&2; exit ${code}' TERM; echo up; while :; do sleep 0.01; done`
    const good = sh(trapping(143), { ready: /up/ })
    await good.until('running')
    good.tell('stop')
    expect(await good.ended()).toBeUndefined()

    const bad = sh(trapping(2), { ready: /up/ })
    await bad.until('running')
    bad.tell('stop')
    const error = (await bad.ended()) as ServiceError
    expect([error.code, error.message]).toEqual([
      'ERR_STOP_FAILED',
      'service "api": stop failed: exited with code 2: half done',
    ])
  })

  test('what it has spawned is asked too, and waited for, though the first goes at once and nobody hears the other', async () => {
    const said = script('')
    const inner = script(`
      import { appendFileSync } from 'node:fs'
      process.on('SIGTERM', () => setTimeout(() => { appendFileSync('${said}', 'flushed'); process.exit() }, 600))
      setInterval(() => {}, 1000)
      appendFileSync('${said}', 'up ')`)
    const life = sh(`${node} ${inner} > /dev/null 2>&1 & echo inner=$!; wait`, {
      ready: () => readFileSync(said, 'utf8') === 'up ',
    })
    await life.until('running')
    const pid = await life.pid('inner')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(readFileSync(said, 'utf8')).toBe('up flushed')
    expect(isAlive(pid)).toBe(false)
  })

  test('one that ignores it is killed when its time is up, with all it has spawned, and that is told', async () => {
    const output: string[] = []
    const stubborn =
      "trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & echo inner=$!; while :; do sleep 0.05; done"
    const api = childProcess('api', 'sh', ['-c', stubborn], { ready: /inner/, output: line => output.push(line) })
    const group = serviceGroup('shop').add(api, { stopTimeout: 100 })
    await group.start()
    const { pid } = group.status.service('shop/api')!.state.info!
    const report = await group.stop()
    expect(report.services[0]).toMatchObject({ outcome: 'forced' })
    expect(report.errors[0]).toMatchObject({ code: 'ERR_STOP_TIMEOUT', service: 'shop/api' })
    expect([pid, output[0]?.split('=')[1]].map(Number).map(isAlive)).toEqual([false, false])
  })

  test('one that has left the group is not waited for, though it holds the output', async () => {
    const life = sh('setsid sh -c "echo outer=\\$\\$; exec sleep 60" & sleep 0.1; echo up; wait', { ready: /up/ })
    await life.until('running')
    const outer = await life.pid('outer')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(isAlive(outer)).toBe(true)
    process.kill(outer, 'SIGKILL')
  })

  test('who unsubscribes leaves no process', async () => {
    const life = sh("trap '' TERM; sleep 60 & echo inner=$!; wait; sleep 60")
    const pids = [await life.pid(), await life.pid('inner')]
    life.abandon()
    await expect.poll(() => pids.some(isAlive)).toBe(false)
  })

  test('over its channel it says what it holds, and drains before its turn', async () => {
    const life = js(
      `process.on('message', ({ service }) => {
         if (service !== 'drain') return
         process.send({ service: 'pending', count: 2 })
         setTimeout(() => process.send({ service: 'drained' }), 20)
       })
       process.send({ service: 'health', health: 'warn', detail: 'cold' })
       process.send({ service: 'ready', drain: true })`,
      { ready: 'message' },
    )
    expect(await life.until('running')).toMatchObject({ health: 'warn', detail: 'cold' })
    life.tell('drain')
    await life.until('drained')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(life.phases()).toEqual(['starting', 'running', 'draining', 'drained', 'stopping', 'stopped'])
    expect(life.states).toContainEqual(expect.objectContaining({ phase: 'draining', pending: 2 }))
  })
})
