import { connect } from 'node:net'
import express from 'express'
import { type GroupStatus, service, serviceGroup } from 'rx-service-group'
import { probes } from 'rx-service-group/probes'
import { fakeService, virtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { request } from '../../services/http/driver.ts'
import { serve } from '../dashboard/watch.ts'
import { ok, probed } from './probed.ts'

const paths = ['/livez', '/readyz', '/startupz', '/healthz'] as const

/** A database that is not well and has died before, and an API that waits for it. */
const troubled = async () => {
  const time = virtualTime()
  const db = fakeService('db', { start: 'waits', clock: time })
  const cache = fakeService('cache', { clock: time })
  const group = serviceGroup('shop', { clock: time })
    .add(db, { dependsOn: [], restart: { policy: 'permanent', jitter: 0 } })
    .add(cache, { dependsOn: [] })
    .add(fakeService('api', { clock: time }), { dependsOn: ['db'] })
  void group.start()
  await time.advance(10)
  db.start.fail(Object.assign(new Error('no route to 10.0.0.7'), { cause: new Error('password of admin') }))
  await time.settle()
  cache.setHealth('warn', 'hit rate 3 %')
  return { time, group }
}

describe('an answer', () => {
  test.each(paths)('%s is health+json that nobody keeps, and has no tag', async path => {
    const { port } = await probed(serviceGroup('shop').add(service('db', {})))
    for (const query of ['', '?verbose']) {
      const { headers, body } = await request(port, `${path}${query}`, { headers: { 'if-none-match': '*' } })
      expect(headers).toMatchObject({
        'content-type': 'application/health+json',
        'cache-control': 'no-store',
        'content-length': `${Buffer.byteLength(body)}`,
        'x-content-type-options': 'nosniff',
      })
      expect(headers.etag).toBeUndefined()
    }
  })

  test('has a length in bytes, whatever the services are called', async () => {
    const group = serviceGroup('größe').add(service('日本', {}))
    const { port } = await probed(group)
    const { headers, body } = await request(port, '/healthz?verbose')
    expect(Object.keys(JSON.parse(body).checks)).toEqual(['größe', 'größe/日本'])
    expect(headers['content-length']).toBe(`${Buffer.byteLength(body)}`)
  })

  /** What the server sends, byte for byte: a client would leave out the body of a HEAD by itself. */
  const raw = (port: number, method: string, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port })
      let text = ''
      socket.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      socket.on('end', () => resolve(text)).on('error', reject)
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: probes\r\nConnection: close\r\n\r\n`)
    })
  const withoutDate = (text: string) => text.replace(/^Date: .*\r\n/m, '')

  test.each(paths)('to HEAD %s is the one to GET, without its body', async path => {
    const { group } = await troubled()
    const { port } = await probed(group)
    const [head = '', body = ''] = (await raw(port, 'GET', `${path}?verbose`)).split(/(?<=\r\n\r\n)/)
    expect(JSON.parse(body)).toHaveProperty('checks')
    expect(withoutDate(await raw(port, 'HEAD', `${path}?verbose`))).toBe(withoutDate(head))
  })

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('to %s says what may be asked', async method => {
    const { port } = await probed(serviceGroup('shop'))
    for (const path of paths) {
      const { status, headers, body } = await request(port, path, { method })
      expect({ status, body }).toEqual({ status: 405, body: '' })
      expect(headers).toMatchObject({ allow: 'GET, HEAD', 'cache-control': 'no-store', 'content-length': '0' })
    }
  })

  test('is given by an app of its owner too, under a path, and other routes are left alone', async () => {
    const group = serviceGroup('shop').add(service('db', {}))
    await group.start()
    const app = express()
      .use('/ops', probes(group))
      .post('/livez', (_, response) => void response.send('ours'))
    const port = await serve(app)
    expect(await request(port, '/ops/livez')).toMatchObject({ status: 200, body: '{"status":"pass"}\n' })
    expect((await request(port, '/ops/livez/')).status).toBe(200)
    expect((await request(port, '/ops/livez/db')).status).toBe(404)
    expect((await request(port, '/livez')).status).toBe(404)
    expect((await request(port, '/livez', { method: 'POST' })).body).toBe('ours')
  })
})

describe('what is told', () => {
  const check = (observedValue: string, status: string, ms: number, more: object = {}) => [
    { componentType: 'component', observedValue, status, time: new Date(ms).toISOString(), ...more },
  ]

  test('with verbose is every service: its state, since when, how well it is, and through whom not', async () => {
    const { group } = await troubled()
    const { ask } = await probed(group)
    const notes = ['shop: starting', 'shop/db: backoff', 'shop/api: waiting, through shop/db', 'shop/cache: warn']
    const checks = {
      shop: check('starting', 'fail', 0),
      'shop/db': check('backoff', 'fail', 10),
      'shop/cache': check('running', 'warn', 0),
      'shop/api': check('waiting', 'fail', 0, { through: ['shop/db'] }),
    }
    expect(await ask('/livez?verbose')).toEqual({ status: 200, body: { status: 'pass', checks } })
    for (const path of ['/readyz?verbose', '/startupz?verbose', '/healthz?verbose=1'])
      expect(await ask(path)).toEqual({ status: 503, body: { status: 'fail', notes, checks } })
    expect(await ask('/healthz?other=verbose')).toEqual({ status: 503, body: { status: 'fail', notes } })
  })

  test('with details is what services and errors say as well, and never a stack or a cause', async () => {
    const { group } = await troubled()
    const { ask } = await probed(group, { details: true })
    const failure = 'service "db": start failed: no route to 10.0.0.7'
    expect(await ask('/readyz?verbose')).toEqual({
      status: 503,
      body: {
        status: 'fail',
        notes: [
          'shop: starting',
          `shop/db: backoff (${failure})`,
          'shop/api: waiting, through shop/db',
          'shop/cache: warn (hit rate 3 %)',
        ],
        checks: {
          shop: check('starting', 'fail', 0),
          'shop/db': check('backoff', 'fail', 10, { output: failure }),
          'shop/cache': check('running', 'warn', 0, { output: 'hit rate 3 %' }),
          'shop/api': check('waiting', 'fail', 0, { through: ['shop/db'] }),
        },
      },
    })
  })

  test('with details is why the group is leaving, and with verbose since when', async () => {
    const time = virtualTime()
    const group = serviceGroup('shop', { clock: time, drainDelay: 100 }).add(
      fakeService('db', { drain: 'waits', clock: time }),
    )
    await group.start()
    const { ask } = await probed(group, { details: true })
    await time.advance(50)
    void group.stop('moving house')
    const output = 'stop(): moving house'
    expect(await ask('/readyz?verbose')).toEqual({
      status: 503,
      body: {
        status: 'fail',
        notes: [`shop: leaving (${output})`],
        checks: { shop: check('leaving', 'fail', 50, { output }), 'shop/db': check('leaving', 'fail', 50, { output }) },
      },
    })
    await time.advance(100)
    expect(await ask('/readyz?verbose')).toEqual({
      status: 503,
      body: {
        status: 'fail',
        notes: [`shop: draining (${output})`],
        checks: {
          shop: check('draining', 'fail', 150, { output }),
          'shop/db': check('draining', 'fail', 150, { output }),
        },
      },
    })
  })

  test('of a whole life is, unless asked for, no word that a service or an error said', async () => {
    const time = virtualTime()
    const secret = 'SECRET'
    const db = fakeService('db', { stop: 'waits', clock: time })
    const queue = fakeService('queue', { start: 5, clock: time })
    const group = serviceGroup('shop', { clock: time, drainDelay: 10 })
      .add(db)
      .add(queue, { restart: { policy: 'transient', jitter: 0, maxRestarts: 1 } })
    const { port } = await probed(group)
    const bodies: string[] = []
    const look = async () => {
      for (const path of paths) bodies.push((await request(port, `${path}?verbose`)).body)
    }
    const dies = async () => {
      queue.die(new Error(secret))
      await time.settle()
      await look()
    }
    const started = group.start()
    await time.advance(5)
    await started
    db.setHealth('fail', secret)
    db.info({ secret })
    await look()
    await dies()
    await time.advance(1_000)
    await dies()
    await time.advance(20)
    await look()
    db.stop.fail(new Error(secret))
    await group.stop()
    await look()
    expect(JSON.stringify(group.report)).toContain(secret)
    expect(bodies.join()).toMatch(/backoff.*failed/s)
    expect(bodies.join()).not.toContain(secret)
  })
})

describe('to be asked', () => {
  test('costs a group that is well no look at its services', async () => {
    const { group } = serviceGroup('shop').status
    const state = { phase: 'running', health: 'pass' } as const
    const status = new Proxy({ group: { ...group, state, readyAt: 1 }, ready: true, health: 'pass' } as GroupStatus, {
      get: (target, key) => {
        if (key in target) return Reflect.get(target, key)
        throw new Error(`${String(key)} was looked at`)
      },
    })
    const { all } = await probed({ status })
    expect(await all()).toEqual({ livez: ok(), startupz: ok(), readyz: ok(), healthz: ok() })
  })

  test('needs the status of the moment and nothing else: no listener, no timer', async () => {
    const time = virtualTime()
    let reads = 0
    const group = serviceGroup('shop', { clock: time }).add(fakeService('db', { clock: time }))
    const { all } = await probed(
      new Proxy(group, {
        get: (target, key) => {
          if (key !== 'status') throw new Error(`${String(key)} was asked for`)
          reads++
          return target.status
        },
      }),
    )
    await group.start()
    await all()
    await group.stop()
    await all()
    expect(reads).toBe(8)
    expect(time.timers).toBe(0)
  })
})
