import { pathToFileURL } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { ServiceError, serviceGroup } from 'rx-service-group'
import { type WorkerOptions, worker } from 'rx-service-group/worker'
import { NEVER } from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { live } from '../../support/life.ts'
import { scripts } from '../../support/scripts.ts'

// Threads take their time on a busy machine.
vi.setConfig({ testTimeout: 20_000 })

const script = scripts()

/** A thread of this code, its output kept. */
const thread = (code: string, options: WorkerOptions = {}) => {
  const output: string[] = []
  const service = worker('resizer', script(code), {
    output: (line, from) => output.push(`${from}: ${line}`),
    ...options,
  })
  return { ...live(service), output }
}

/** The thread a service has, to ask whether it still runs. */
const watched = () => {
  const threads: Worker[] = []
  const gone = () => threads.every(({ threadId }) => threadId === -1)
  return { threads, attach: (one: Worker) => void threads.push(one), gone }
}

const LASTING = 'setInterval(() => {}, 1000)'
const HEARS = (what: string) => `
  import { parentPort } from 'node:worker_threads'
  parentPort.on('message', message => { ${what} })
  parentPort.postMessage({ service: 'ready', stop: true })
`

describe('a thread starts', () => {
  test('it is running when its file is loaded, top-level await included, and says which thread it is', async () => {
    const life = thread(`
      await new Promise(resolve => setTimeout(resolve, 30))
      console.log('warm')
      setInterval(() => {}, 1000)`)
    const { info } = await life.until('running')
    expect(info).toEqual({ threadId: expect.any(Number) })
    await expect.poll(() => life.output).toEqual(['stdout: warm'])
    life.tell('stop')
    await life.until('stopped')
  })

  test('a URL, a path and CommonJS are the same, and Node is given its data', async () => {
    const code = "const { parentPort, workerData } = require('node:worker_threads'); parentPort.postMessage(workerData)"
    const file = script(code, 'cjs')
    for (const where of [file, pathToFileURL(file)]) {
      const said: unknown[] = []
      const life = live(
        worker('resizer', where, { workerData: 80, attach: one => void one.on('message', said.push.bind(said)) }),
      )
      expect(await life.ended()).toBeUndefined()
      expect(said).toContain(80)
    }
  })

  test("with ready: 'message' it is running when the thread says so, and not when it is loaded", async () => {
    const life = thread(
      `import { parentPort } from 'node:worker_threads'

       parentPort.on('message', message => { if (message === 'go') parentPort.postMessage('ready') })`,
      { ready: 'message', attach: one => void one.on('message', () => one.postMessage('go')) },
    )
    await life.until('running')
    life.tell('force')
    await life.until('stopped')
    expect(life.phases()).toEqual(['starting', 'running', 'stopping', 'stopped'])
  })

  test('with a regular expression it is running when a line of its output matches', async () => {
    const life = thread("setTimeout(() => console.error('listening on 80'), 30); setInterval(() => {}, 1000)", {
      ready: /listening on \d+/g,
    })
    await life.until('running')
    expect(life.output).toEqual(['stderr: listening on 80'])
    life.tell('stop')
    await life.until('stopped')
  })

  test('a function is asked until it settles well and not with false', async () => {
    const answers = [() => Promise.reject(new Error('refused')), () => false, () => undefined]
    const signals: AbortSignal[] = []
    const life = thread(LASTING, {
      ready: ({ signal }) => {
        signals.push(signal)
        return answers.shift()!()
      },
    })
    await life.until('running')
    expect([answers.length, signals.length]).toEqual([0, 3])
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
    life.abandon()
  })

  test.each([
    ['throws', "throw new Error('no licence')", /can't load .*\.mjs: no licence$/],
    ['does not parse', 'const = 1', /can't load .*\.mjs: Unexpected token/],
    ['imports what is not there', "import './nowhere.mjs'", /can't load .*\.mjs: Cannot find module .*nowhere\.mjs/],
    ['leaves with a code', 'process.exit(3)', /start failed: exited with code 3$/],
  ])('a file that %s is a failed start that says so, and keeps the cause', async (_, code, message) => {
    const life = thread(code)
    const error = (await life.ended()) as ServiceError
    expect(error).toBeInstanceOf(ServiceError)
    expect([error.code, error.service]).toEqual(['ERR_START_FAILED', 'resizer'])
    expect(error.message).toMatch(message)
    expect(error.cause).toBeInstanceOf(Error)
    expect(life.phases()).toEqual(['starting'])
  })

  test('a file that is not there is a failed start that names it', async () => {
    const error = await live(worker('resizer', '/nowhere/at-all.js')).ended()
    expect(String(error)).toMatch(
      /service "resizer": start failed: can't load \/nowhere\/at-all\.js: Cannot find module/,
    )
  })

  test('the stack of the thread is in the cause', async () => {
    const error = (await thread("const shrink = () => { throw new Error('boom') }\nshrink()").ended()) as ServiceError
    const crash = (error.cause as Error).cause as Error
    expect(crash.stack).toMatch(/at shrink .*\.mjs:1:\d+/)
  })

  test('one that comes to its end before it said ready has failed', async () => {
    const error = await thread("console.log('nothing to do')", { ready: 'message' }).ended()
    expect(String(error)).toContain('it ended before it was ready')
  })

  test('an attach that throws fails the start, and leaves no thread', async () => {
    const { threads, gone } = watched()
    const attach = (one: Worker) => {
      threads.push(one)
      throw new Error('no port')
    }
    const error = await thread(LASTING, { attach }).ended()
    expect(String(error)).toContain('start failed: no port')
    expect(gone()).toBe(true)
  })

  test.each([
    [{ ready: 'online' }, 'ready must be'],
    [{ output: 'inherit' }, 'output must be a function'],
    [{ attach: 1 }, 'attach must be a function'],
  ])('%j is refused at the call', (options, message) => {
    expect(() => worker('resizer', 'x.js', options as unknown as WorkerOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) }),
    )
  })

  test.each(['', undefined, 5])('%j is no file', file => {
    expect(() => worker('resizer', file as string)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  })
})

describe('a thread that never gets ready', () => {
  test('is ended when its start times out, and the last answer of its probe is told', async () => {
    const { attach, gone } = watched()
    const ready = () => Promise.reject(new Error('connection refused'))
    const group = serviceGroup('shop').add(worker('resizer', script(LASTING), { ready, attach }), {
      // A thread has begun by then, on a busy machine too.
      startTimeout: 2_000,
      stopTimeout: 50,
    })
    const error = await group.start().catch(error => error)
    expect(String(error)).toMatch(/service "resizer": start timed out after 2 s: .*connection refused/)
    expect(gone()).toBe(true)
  })

  test('is ended when it is stopped while it loads', async () => {
    const { attach, gone } = watched()
    const life = thread('await new Promise(() => setInterval(() => {}, 1000))', { attach })
    await life.until(({ info }) => info !== undefined)
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(life.phases()).toEqual(['starting', 'stopping', 'stopped'])
    expect(gone()).toBe(true)
  })

  test('is ended when it blocks', async () => {
    const { attach, gone } = watched()
    const life = thread("console.log('blocks'); for (;;);", { attach })
    await expect.poll(() => life.output).toEqual(['stdout: blocks'])
    life.tell('stop')
    await life.until('stopped')
    expect(gone()).toBe(true)
  })
})

describe('a thread ends', () => {
  test('by itself: it has ended, with all its lines told', async () => {
    const life = thread("process.stdout.write('one\\ntwo\\r\\nthree'); process.stderr.write('last words')")
    expect(await life.ended()).toBeUndefined()
    expect(life.states.at(-1)).toMatchObject({ phase: 'stopped', how: 'ended' })
    expect(life.output.toSorted()).toEqual(['stderr: last words', 'stdout: one', 'stdout: three', 'stdout: two'])
  })

  test('no line comes after its end', () =>
    new Promise<void>((resolve, reject) => {
      let lines = 0
      const file = script("for (let line = 0; line < 20_000; line++) console.log('line', line)")
      worker('resizer', file, { output: () => lines++ })
        .lifecycle(NEVER)
        .subscribe({
          error: reject,
          complete: () => (lines === 20_000 ? resolve() : reject(new Error(`${lines} lines`))),
        })
    }))

  test('by an error nobody catches: a failure with the crash as its cause, after its last line', async () => {
    const life = thread("setTimeout(() => { console.log('uh oh'); null.f() }, 20)")
    const error = (await life.ended()) as ServiceError
    expect(error).toMatchObject({ code: 'ERR_SERVICE_FAILED', service: 'resizer' })
    expect(error.message).toMatch(/^service "resizer": failed: Cannot read properties of null/)
    expect(error.cause).toBeInstanceOf(TypeError)
    expect((error.cause as Error).stack).toMatch(/\.mjs:1:\d+/)
    expect(life.output).toEqual(['stdout: uh oh'])
    expect(life.phases()).toEqual(['starting', 'running'])
  })

  test('by what is no error, by a code, and for want of memory', async () => {
    expect(String(await thread("setTimeout(() => { throw 'a text' }, 20)").ended())).toMatch(/failed: a text$/)
    const exited = (await thread('setTimeout(() => process.exit(3), 20)').ended()) as ServiceError
    expect([exited.message, exited.cause]).toEqual([
      'service "resizer": failed: exited with code 3',
      expect.objectContaining({ exitCode: 3 }),
    ])
    const greedy = "setTimeout(() => { const all = []; for (;;) all.push(Array(1e4).fill('x')) }, 20)"
    const starved = await thread(greedy, { resourceLimits: { maxOldGenerationSizeMb: 16 } }).ended()
    expect(String(starved)).toMatch(/memory limit/)
  })

  test('and is restarted: the next one begins when it is gone', async () => {
    const { threads, attach } = watched()
    const poisoned = "if (message.service === 'stop') parentPort.close(); else throw new Error('poisoned')"
    const file = script(HEARS(poisoned))
    const others: boolean[] = []
    const resizer = worker('resizer', file, {
      attach: one => {
        others.push(threads.every(({ threadId }) => threadId === -1))
        attach(one)
      },
    })
    const group = serviceGroup('shop').add(resizer, {
      restart: { policy: 'transient', initialDelay: 1, maxDelay: 1, maxRestarts: 100 },
    })
    await group.start()
    for (let crash = 1; crash <= 20; crash++) {
      threads.at(-1)!.postMessage('poison')
      await expect
        .poll(() => [threads.length, group.status.service('shop/resizer')?.state.phase], { interval: 5 })
        .toEqual([crash + 1, 'running'])
    }
    expect((await group.stop()).services[0]).toMatchObject({ restarts: 20, outcome: 'stopped' })
    expect(others).toEqual(Array(21).fill(true))
    expect(threads.every(({ threadId }) => threadId === -1)).toBe(true)
    expect(process.getActiveResourcesInfo().filter(kind => kind === 'MessagePort' || kind === 'Worker')).toEqual([])
  }, 30_000)
})

describe('a thread is stopped', () => {
  test('it is told with the reason, and waited for', async () => {
    const life = thread(
      HEARS(`if (message.service === 'stop') setTimeout(() => {
        process.stdout.write('because of ' + message.reason.signal)
        parentPort.close()
      }, 30)`),
    )
    await life.until('running')
    life.tell('stop', { by: 'signal', signal: 'SIGTERM' })
    expect(await life.ended()).toBeUndefined()
    expect(life.output).toEqual(['stdout: because of SIGTERM'])
    expect(life.states.at(-1)).toMatchObject({ how: 'stopped' })
  })

  test('one that has not said that it hears is terminated at its turn, without waiting', async () => {
    const { attach, gone } = watched()
    const group = serviceGroup('shop').add(worker('resizer', script(LASTING), { attach }))
    await group.start()
    const report = await group.stop()
    expect([report.ok, report.services[0]?.outcome, gone()]).toEqual([true, 'stopped', true])
  })

  test('one that does not heed it is terminated when its time is up, and that is told', async () => {
    const { attach, gone } = watched()
    const group = serviceGroup('shop').add(worker('resizer', script(HEARS('for (;;);')), { attach }), {
      stopTimeout: 50,
    })
    await group.start()
    const report = await group.stop()
    expect(report.services[0]).toMatchObject({ outcome: 'forced' })
    expect(report.errors[0]).toMatchObject({ code: 'ERR_STOP_TIMEOUT', service: 'shop/resizer' })
    expect(gone()).toBe(true)
  })

  test('one that goes wrong then has failed to stop, with the cause', async () => {
    const life = thread(HEARS("throw new Error('can not flush')"))
    await life.until('running')
    life.tell('stop')
    const error = (await life.ended()) as ServiceError
    expect([error.code, error.message]).toEqual(['ERR_STOP_FAILED', 'service "resizer": stop failed: can not flush'])
  })

  test('who unsubscribes leaves no thread, though it hears and does not heed', async () => {
    const { threads, attach } = watched()
    for (const phase of ['starting', 'running'] as const) {
      const life = thread(HEARS(''), { attach })
      await life.until(phase)
      life.abandon()
    }
    await expect.poll(() => threads.map(({ threadId }) => threadId)).toEqual([-1, -1])
  })
})
