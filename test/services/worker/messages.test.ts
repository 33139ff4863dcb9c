import { ServiceError, serviceGroup } from 'rx-service-group'
import { inThread, type WorkerOptions, worker } from 'rx-service-group/worker'
import { describe, expect, test, vi } from 'vitest'
import { live } from '../../support/life.ts'
import { scripts } from '../../support/scripts.ts'

// Threads take their time on a busy machine.
vi.setConfig({ testTimeout: 20_000 })

const script = scripts()
const thread = (code: string, options: WorkerOptions = {}) => live(worker('mailer', script(code), options))

describe('a thread without this library', () => {
  test('says how it is, what it holds and its particulars, and drains', async () => {
    const life = thread(
      `import { parentPort } from 'node:worker_threads'
       const say = (service, more) => parentPort.postMessage({ service, ...more })
       parentPort.on('message', ({ service }) => {
         if (service === 'unready') say('info', { info: { leaving: true } })
         if (service === 'drain') {
           say('pending', { count: 2 })
           setTimeout(() => { say('pending', { count: 1 }); say('drained') }, 20)
         }
         if (service === 'stop') parentPort.close()
       })
       say('info', { info: { queue: 'mails', odd: new Map() } })
       say('ready', { drain: true, stop: true })
       say('health', { health: 'warn', detail: 'slow' })
       say('health', { health: 'ill' })
       say('pending', { count: -1 })
       say('nonsense')
       parentPort.postMessage(undefined)`,
      { ready: 'message' },
    )
    const warned = await life.until(state => state.phase === 'running' && state.detail !== undefined)
    expect(warned).toMatchObject({
      health: 'warn',
      detail: 'slow',
      info: { queue: 'mails', threadId: expect.any(Number) },
    })
    expect(warned.info).not.toHaveProperty('odd')
    life.tell('unready')
    life.tell('drain')
    await life.until('drained')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(life.phases()).toEqual(['starting', 'running', 'draining', 'drained', 'stopping', 'stopped'])
    expect(life.states.flatMap(state => ('pending' in state ? [state.pending] : []))).toEqual([2, 1])
    expect(life.states.at(-1)?.info).toMatchObject({ leaving: true })
  })

  test('one that has not said that it drains has nothing to drain', async () => {
    const life = thread(
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit())",
    )
    await life.until('running')
    life.tell('drain')
    life.tell('stop')
    await life.ended()
    expect(life.phases()).toEqual(['starting', 'running', 'stopping', 'stopped'])
  })

  test('one that crashes while it drains has failed, and holds up nobody', async () => {
    const life = thread(
      `import { parentPort } from 'node:worker_threads'
       parentPort.on('message', ({ service }) => { if (service === 'drain') throw new Error('out of paper') })
       parentPort.postMessage({ service: 'ready', drain: true })`,
    )
    await life.until('running')
    life.tell('drain')
    expect(await life.ended()).toMatchObject({ code: 'ERR_SERVICE_FAILED', cause: { message: 'out of paper' } })
  })

  test('its heartbeats count for the heartbeat it was added with', async () => {
    const file = script(
      "import { parentPort } from 'node:worker_threads'; setInterval(() => parentPort.postMessage({ service: 'heartbeat' }), 10)",
    )
    const group = serviceGroup('shop')
      .add(worker('beating', file), { heartbeat: { interval: 1_000, threshold: 1 } })
      .add(worker('silent', script('setInterval(() => {}, 1000)')), { heartbeat: { interval: 50, threshold: 1 } })
    await group.start()
    const healthOf = (name: string) => {
      const state = group.status.service(`shop/${name}`)?.state
      return state?.phase === 'running' && state.health
    }
    await expect.poll(() => healthOf('silent')).toBe('fail')
    expect(healthOf('beating')).toBe('pass')
    await group.stop()
  })
})

describe('inThread', () => {
  const inside = (service: string, before = '') => `
    import { inThread } from 'rx-service-group/worker'
    import { service, serviceGroup, task } from 'rx-service-group'
    const delay = ms => new Promise(resolve => setTimeout(resolve, ms))
    ${before}
    await inThread(${service})`

  test('makes a service the life of the thread, hook for hook', async () => {
    const said: string[] = []
    const life = thread(
      inside(`service('mailer', {
        start: async ({ info, setHealth }) => { await delay(20); info({ queue: 'mails' }); setHealth('warn', 'cold') },
        unready: () => console.log('unready'),
        drain: async ({ pending, reason }) => { pending(1); await delay(20); console.log('drained ' + reason.message) },
        stop: () => console.log('stopped'),
      })`),
      { output: line => said.push(line) },
    )
    const running = await life.until('running')
    expect(running).toMatchObject({ health: 'warn', detail: 'cold', info: { queue: 'mails' } })
    const reason = { by: 'call', message: 'enough' } as const
    life.tell('unready', reason)
    life.tell('drain', reason)
    expect(await life.until('draining')).toBeDefined()
    await life.until('drained')
    life.tell('stop', reason)
    expect(await life.ended()).toBeUndefined()
    expect(said).toEqual(['unready', 'drained enough', 'stopped'])
    expect(life.states).toContainEqual(expect.objectContaining({ phase: 'draining', pending: 1 }))
  })

  test('holds a whole group, started in order and stopped in reverse', async () => {
    const said: string[] = []
    const one = (name: string) =>
      `service('${name}', { start: () => console.log('+${name}'), stop: () => console.log('-${name}') })`
    const life = thread(inside(`serviceGroup('mails').add(${one('pool')}).add(${one('queue')})`), {
      output: line => said.push(line),
    })
    await life.until('running')
    life.tell('drain')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(said).toEqual(['+pool', '+queue', '-queue', '-pool'])
  })

  test('one that has nothing to drain has drained at once', async () => {
    const life = thread(inside("service('mailer', {})"))
    await life.until('running')
    life.tell('drain')
    await life.until('drained')
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
  })

  test('a start that fails is the failed start outside', async () => {
    const error = (await thread(
      inside("service('mailer', { start: () => { throw new Error('no server') } })"),
    ).ended()) as ServiceError
    expect(error).toBeInstanceOf(ServiceError)
    expect(error.message).toMatch(/^service "mailer": start failed: can't load .*: no server$/)
  })

  test('one that fails later is the failure outside, with its stack', async () => {
    const life = thread(
      inside("service('mailer', { start: ({ fail }) => void setTimeout(() => fail(new Error('gone')), 30) })"),
    )
    const error = (await life.ended()) as ServiceError
    expect([error.code, error.message]).toEqual(['ERR_SERVICE_FAILED', 'service "mailer": failed: gone'])
    expect((error.cause as Error).stack).toMatch(/\.mjs:\d+/)
    expect(life.phases()).toEqual(['starting', 'running'])
  })

  test('a stop while it starts is told too, and its signal fires', async () => {
    const said: string[] = []
    const life = thread(
      inside(
        `service('mailer', { start: ({ signal }) => new Promise((_, reject) => {
        console.log('starting')
        signal.addEventListener('abort', () => { console.log('cancelled'); reject(signal.reason) })
      }) })`,
        'setTimeout(() => {}, 100)',
      ),
      { output: line => said.push(line) },
    )
    await expect.poll(() => said).toEqual(['starting'])
    life.tell('stop')
    expect(await life.ended()).toBeUndefined()
    expect(said).toEqual(['starting', 'cancelled'])
  })

  test('one that asks for time is given it', async () => {
    const slow = inside("service('mailer', { stop: async ({ extend }) => { extend(10_000); await delay(600) } })")
    const group = serviceGroup('shop').add(worker('mailer', script(slow)), { stopTimeout: 300 })
    await group.start()
    expect((await group.stop()).services[0]).toMatchObject({ outcome: 'stopped' })
  })

  test('is refused in the main thread', async () => {
    // Vitest may run a file in a thread, so what it says of one is not asked for here.
    const code =
      "import { inThread } from 'rx-service-group/worker'; await inThread({ name: 'x', start() {} }).catch(e => console.log(e.message))"
    const { execFileSync } = await import('node:child_process')
    expect(String(execFileSync(process.execPath, [script(code)]))).toContain('inThread() is for worker threads')
    expect(inThread).toBeTypeOf('function')
  })
})
