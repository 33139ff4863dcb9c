import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import fastify from 'fastify'
import { run, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { serviceGroupPlugin } from 'rx-service-group/fastify'
import { expect, test } from 'vitest'
import { gate } from '../services/http/driver.ts'

/** A shop whose requests need its database, and an app that tells what happens in which order. */
const shop = (hooks: object = {}, options: object = {}) => {
  const said: string[] = []
  let isOpen = false
  const came = gate()
  const go = gate()
  const group = serviceGroup('shop').add(
    service('db', {
      start: () => {
        isOpen = true
        said.push('db starts')
      },
      drain: () => void said.push('db drains'),
      stop: async () => {
        await delay(50)
        isOpen = false
        said.push('db stops')
      },
      ...hooks,
    }),
  )
  const app = fastify(options)
    .addHook('onClose', async () => void said.push('app closes'))
    .get('/orders', async () => ({ isOpen }))
    .get('/slow', async () => {
      came.open()
      await go.opened
      return { isOpen }
    })
  return { group, app, said, came, go }
}

test('inject starts the group, and close stops it', async () => {
  const { group, app, said } = shop()
  await app.register(serviceGroupPlugin, { group })
  expect((await app.inject('/orders')).json()).toEqual({ isOpen: true })
  await app.close()
  expect(said.filter(one => one.startsWith('db'))).toEqual(['db starts', 'db drains', 'db stops'])
  expect(said).toContain('app closes')
  expect(group.status.phase).toBe('stopped')
  expect(group.report).toMatchObject({ ok: true, trigger: { by: 'call', message: 'fastify: close()' } })
})

test('a request under way is answered before the services stop that it needs, and is told as pending', async () => {
  const { group, app, said, came, go } = shop()
  await app.register(serviceGroupPlugin, { group })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  await expect.poll(() => group.status.services['shop/http']?.state).toMatchObject({ phase: 'running', info: { url } })
  const answer = fetch(`${url}/slow`).then(response => response.json())
  await came.opened
  const closed = app.close()
  await expect.poll(() => group.status.services['shop/http']?.state).toMatchObject({ phase: 'draining', pending: 1 })
  expect(said).not.toContain('db stops')
  go.open()
  expect(await answer).toEqual({ isOpen: true })
  await closed
  expect(group.report).toMatchObject({ ok: true })
})

test('a request under way is answered although fastify would cut it', async () => {
  const { group, app, came, go } = shop({}, { forceCloseConnections: true })
  await app.register(serviceGroupPlugin, { group })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = fetch(`${url}/slow`).then(response => response.json())
  await came.opened
  const closed = app.close()
  await expect.poll(() => group.status.services['shop/http']?.state).toMatchObject({ phase: 'draining', pending: 1 })
  go.open()
  expect(await answer).toEqual({ isOpen: true })
  await closed
})

test('its health route tells whether the group is ready, and who is not well', async () => {
  let setHealth!: (health: 'pass' | 'warn' | 'fail') => void
  const { group, app } = shop({
    start: (context: { setHealth: typeof setHealth }) => {
      setHealth = context.setHealth
    },
  })
  await app.register(serviceGroupPlugin, { group, healthPath: '/health' })
  const ask = async (path = '/health') => {
    const answer = await app.inject(path)
    return { code: answer.statusCode, type: answer.headers['content-type'], body: answer.json() }
  }
  expect(await ask()).toEqual({
    code: 200,
    type: expect.stringMatching(/^application\/health\+json/),
    body: { status: 'pass' },
  })
  setHealth('warn')
  expect(await ask()).toMatchObject({ code: 200, body: { status: 'warn', notes: ['shop/db: warn'] } })
  setHealth('fail')
  expect(await ask()).toMatchObject({ code: 503, body: { status: 'fail', notes: ['shop/db: fail'] } })
  expect((await ask('/health?verbose')).body).toHaveProperty(['checks', 'shop/db'])
  await app.close()
})

test('a start that fails is the failure of ready and listen', async () => {
  const { group, app } = shop({ start: () => Promise.reject(new Error('no route')) })
  await app.register(serviceGroupPlugin, { group })
  await expect(app.listen({ port: 0 })).rejects.toThrow(/no route/)
  await app.close()
})

test('a group that goes down by itself closes the app', async () => {
  let fail!: (error: Error) => void
  const { group, app, said } = shop({
    start: (context: { fail: typeof fail }) => {
      fail = context.fail
    },
  })
  await app.register(serviceGroupPlugin, { group })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  fail(new Error('the disk is full'))
  await expect.poll(() => said).toContain('app closes')
  await expect(fetch(url)).rejects.toThrow()
})

test('an app that closes before it was ready leaves the group alone', async () => {
  const { group, app } = shop()
  app.register(serviceGroupPlugin, { group })
  await app.close()
  expect(['idle', 'stopped']).toContain(group.status.phase)
})

test('a server without the group is closed by fastify, and nothing is left', async () => {
  const { group, app } = shop()
  await app.register(serviceGroupPlugin, { group })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const gone = once(app.server, 'close')
  await app.close()
  await gone
  expect(app.server.listening).toBe(false)
})

const underRun = async () => {
  const { group, app, said, came, go } = shop()
  await app.register(serviceGroupPlugin, { group })
  const whole: ServiceGroup = group.add(
    service('app', { start: () => app.listen({ port: 0, host: '127.0.0.1' }), stop: () => app.close() }),
  )
  const over = run(whole, { report: false })
  await whole.ready
  const { url } = whole.status.services['shop/http']!.state.info as { url: string }
  return { group: whole, app, said, came, go, over, url }
}

test('under run, the app is a service of the group', async () => {
  const { group, said, came, go, over, url } = await underRun()
  const answer = fetch(`${url}/slow`).then(response => response.json())
  await came.opened
  void group.stop('the end of the day')
  await expect.poll(() => group.status.services['shop/http']?.state).toMatchObject({ phase: 'draining', pending: 1 })
  go.open()
  expect(await answer).toEqual({ isOpen: true })
  expect(await over).toMatchObject({ ok: true, trigger: { message: 'the end of the day' } })
  expect(said.indexOf('app closes')).toBeLessThan(said.indexOf('db stops'))
})

test('under run, close of the app is told to the run', async () => {
  const { app, over, said } = await underRun()
  await app.close()
  expect(await over).toMatchObject({ ok: true, trigger: { by: 'call', message: 'fastify: close()' } })
  expect(said.indexOf('app closes')).toBeLessThan(said.indexOf('db stops'))
})

test.each([
  [{}, 'group must be a group, got undefined'],
  [{ group: serviceGroup(), healthPath: 'health' }, 'healthPath must be a path such as /health, got "health"'],
  [{ group: serviceGroup(), healthpath: '/health' }, 'unknown option healthpath; did you mean healthPath?'],
])('refuses %j', async (options, message) => {
  const app = fastify()
  app.register(serviceGroupPlugin, options as never)
  await expect(app.ready()).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
    message: expect.stringContaining(message),
  })
})
