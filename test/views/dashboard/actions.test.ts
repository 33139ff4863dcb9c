import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { describe, expect, test, vi } from 'vitest'
import { openShop, token } from './support/acting.ts'
import { serve, watch } from './watch.ts'

describe('without a token', () => {
  test('there are no actions', async () => {
    const { group, port, post, told } = await openShop({})
    await group.start()
    const page = await watch(port, { path: '/admin/events' })
    await page.until(({ messages }) => messages.length > 0)
    expect(page.messages[0]).toMatchObject({ event: 'hello', data: { actions: false } })
    expect(await post({ action: 'stop' })).toMatchObject({ status: 404, code: 'ERR_READ_ONLY' })
    expect(group.status.ready).toBe(true)
    expect(told()).toMatchObject([{ path: 'shop', outcome: 'refused', reason: 'this dashboard only shows' }])
  })

  test.each(['', 'too short', 7])('one like %j is refused', bad => {
    expect(() => dashboard(serviceGroup('shop'), { token: bad as string })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'shop' }),
    )
  })
})

describe('with the token', () => {
  test('a service is restarted', async () => {
    const { db, group, port, post } = await openShop()
    await group.start()
    const page = await watch(port, { path: '/admin/events' })
    expect(await post({ action: 'restart', service: 'db' })).toMatchObject({ status: 202 })
    await page.until(() => db.starts === 2)
    await page.until(({ folded }) => folded?.ready && folded.seq === group.status.seq)
    expect(page.messages[0]).toMatchObject({
      event: 'hello',
      data: { actions: ['start', 'stop', 'restart', 'stop-group'] },
    })
    expect(
      page.events.flatMap(event =>
        event.kind === 'transition' && event.path === 'shop/db' ? [event.state.phase] : [],
      ),
    ).toContain('stopping')
  })

  test('a service inside a group of the group is restarted', async () => {
    const { group, post } = await openShop()
    await group.start()
    const seq = group.status.service('workers/mailer')?.seq ?? Infinity
    expect(await post({ action: 'restart', service: 'workers/mailer' })).toMatchObject({ status: 202 })
    await vi.waitFor(() => {
      const mailer = group.status.service('workers/mailer')
      expect(mailer?.state.phase).toBe('running')
      expect(mailer?.seq).toBeGreaterThan(seq)
    })
  })

  test('a service is stopped, started again, and stopped by its path', async () => {
    const { db, group, post } = await openShop()
    await group.start()
    const phaseOf = (name: string) => group.status.service(name)?.state.phase
    expect(await post({ action: 'stop', service: 'db' })).toMatchObject({ status: 202 })
    await expect.poll(() => phaseOf('db')).toBe('stopped')
    expect(group.status.phase).toBe('running')
    expect(await post({ action: 'stop', service: 'db' })).toMatchObject({ status: 409, code: 'ERR_NOT_STARTED' })
    expect(await post({ action: 'start', service: 'db' })).toMatchObject({ status: 202 })
    await expect.poll(() => phaseOf('db')).toBe('running')
    expect(db.starts).toBe(2)
    expect(await post({ action: 'start', service: 'db' })).toMatchObject({ status: 409, code: 'ERR_ALREADY_STARTED' })
    expect(db.starts).toBe(2)
    expect(await post({ action: 'stop', service: 'workers/mailer' })).toMatchObject({ status: 202 })
    await expect.poll(() => phaseOf('workers/mailer')).toBe('stopped')
    expect(await post({ action: 'start', service: 'shop/workers/mailer' })).toMatchObject({ status: 202 })
    await expect.poll(() => phaseOf('workers/mailer')).toBe('running')
    expect(phaseOf('db')).toBe('running')
  })

  test('a nested group is stopped and started as a service, and nothing else is', async () => {
    const { group, post } = await openShop()
    await group.start()
    expect(await post({ action: 'stop', service: 'workers' })).toMatchObject({ status: 202 })
    await expect.poll(() => group.status.service('workers')?.state.phase).toBe('stopped')
    expect(group.status.service('db')?.state.phase).toBe('running')
    expect(await post({ action: 'start', service: 'workers' })).toMatchObject({ status: 202 })
    await expect.poll(() => group.status.service('workers/mailer')?.state.phase).toBe('running')
  })

  test('a service whose dependency was stopped is not started without it', async () => {
    const group = serviceGroup('shop')
      .add(service('db', {}))
      .add(service('api', {}), { dependsOn: ['db'] })
    const port = await serve(express().use(dashboard(group, { token })))
    const post = async (body: object) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
      const init = { method: 'POST', headers, body: JSON.stringify(body) }
      const response = await fetch(`http://127.0.0.1:${port}/actions`, init)
      return { status: response.status, ...((await response.json()) as object) }
    }
    await group.start()
    expect(await post({ action: 'stop', service: 'db' })).toMatchObject({ status: 202 })
    await expect.poll(() => group.status.list.every(({ state }) => state.phase === 'stopped')).toBe(true)
    expect(await post({ action: 'start', service: 'api' })).toMatchObject({
      status: 409,
      code: 'ERR_DEPENDENCY_FAILED',
      error: expect.stringContaining('db'),
    })
    expect(await post({ action: 'start', service: 'db' })).toMatchObject({ status: 202 })
    await expect.poll(() => group.status.ready).toBe(true)
  })

  test('a name that two nested groups have is refused', async () => {
    const group = serviceGroup('shop')
      .add(serviceGroup('a').add(service('mailer', {})))
      .add(serviceGroup('b').add(service('mailer', {})))
    const port = await serve(express().use(dashboard(group, { token })))
    await group.start()
    for (const action of ['start', 'stop', 'restart']) {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
      const init = { method: 'POST', headers, body: JSON.stringify({ action, service: 'mailer' }) }
      const response = await fetch(`http://127.0.0.1:${port}/actions`, init)
      expect(response.status).toBe(409)
      expect(await response.json()).toMatchObject({ code: 'ERR_AMBIGUOUS_NAME' })
    }
    expect(group.status.ready).toBe(true)
  })

  test('of something that only restarts services, none is stopped by itself, and no more is offered', async () => {
    const { group } = await openShop()
    await group.start()
    const { name, events$ } = group
    const shown = { name, events$, restart: () => Promise.resolve(), stop: () => Promise.resolve() }
    const port = await serve(express().use('/admin', dashboard(shown, { token })))
    const page = await watch(port, { path: '/admin/events' })
    await page.until(({ messages }) => messages.length > 0)
    expect(page.messages[0]!.data.actions).toEqual(['start', 'restart', 'stop-group'])
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const init = { method: 'POST', headers, body: '{"action":"stop","service":"db"}' }
    expect((await fetch(`http://127.0.0.1:${port}/admin/actions`, init)).status).toBe(409)
  })

  test('the whole group is stopped by stop-group', async () => {
    const { group, post, told } = await openShop()
    await group.start()
    expect(await post({ action: 'stop-group' })).toMatchObject({ status: 202 })
    expect((await group.stop()).trigger).toEqual({ by: 'call', message: 'asked for on the dashboard' })
    expect(told()).toEqual([{ path: 'shop', action: 'stop-group', by: '127.0.0.1', outcome: 'accepted' }])
  })

  test.each([
    [{ action: 'stop', service: 'nobody' }, 404, 'ERR_UNKNOWN_SERVICE'],
    [{ action: 'stop', service: 'shop' }, 404, 'ERR_UNKNOWN_SERVICE'],
    [{ action: 'start', service: 'nobody' }, 404, 'ERR_UNKNOWN_SERVICE'],
    [{ action: 'stop', service: '' }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop', service: null }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop', service: 7 }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop', service: ['db'] }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop', services: 'db' }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop', Service: 'db' }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop', service: 'db', force: true }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop-group', service: 'db' }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'stop-group', service: null }, 400, 'ERR_BAD_REQUEST'],
    [{ action: ['stop'] }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'Stop' }, 400, 'ERR_BAD_REQUEST'],
    [{ action: 'start' }, 400, 'ERR_BAD_REQUEST'],
    [{}, 400, 'ERR_BAD_REQUEST'],
    ['{"action":"stop","__proto__":{"service":"db"}}', 400, 'ERR_BAD_REQUEST'],
    ['[{"action":"stop"}]', 400, 'ERR_BAD_REQUEST'],
    ['"stop"', 400, 'ERR_BAD_REQUEST'],
    ['', 400, 'ERR_BAD_REQUEST'],
  ])('%j stops nothing, and is told', async (body, status, code) => {
    const { group, post, told } = await openShop()
    await group.start()
    expect(await post(body)).toMatchObject({ status, code, error: expect.any(String) })
    expect(group.status.list.map(({ state }) => state.phase)).toEqual(['running', 'running', 'running'])
    expect(told()).toMatchObject([{ path: 'shop', by: '127.0.0.1', outcome: 'refused', reason: expect.any(String) }])
  })

  test('a refusal says what is wrong', async () => {
    const { post } = await openShop()
    expect((await post({ action: 'stop', servce: 'db' })).error).toBe(
      'unknown field "servce"; known are action and service',
    )
    expect((await post({ action: 'explode' })).error).toBe(
      'action must be "start", "stop", "restart", "stop-group", got "explode"',
    )
    expect((await post({ action: 'stop', service: 7 })).error).toBe(
      'service must be the name or path of a service, got 7',
    )
  })

  test('the group is stopped, once', async () => {
    const { db, group, post } = await openShop()
    await group.start()
    db.stop.will('waits')
    expect(await post({ action: 'stop' })).toMatchObject({ status: 202 })
    expect(await post({ action: 'stop' })).toMatchObject({ status: 409, code: 'ERR_GROUP_STOPPING' })
    expect(await post({ action: 'restart', service: 'db' })).toMatchObject({ status: 409, code: 'ERR_GROUP_STOPPING' })
    db.stop.succeed()
    const report = await group.stop()
    expect(report.trigger).toEqual({ by: 'call', message: 'asked for on the dashboard' })
    expect(await post({ action: 'stop' })).toMatchObject({ status: 409, code: 'ERR_GROUP_STOPPING' })
    expect(await post({ action: 'restart', service: 'db' })).toMatchObject({ status: 409, code: 'ERR_GROUP_STOPPED' })
  })

  test('a restart that fails later was accepted, and nothing is left uncaught', async () => {
    const { db, group, post } = await openShop()
    await group.start()
    db.start.will('waits')
    expect(await post({ action: 'restart', service: 'db' })).toMatchObject({ status: 202 })
    await vi.waitFor(() => expect(db.start.open).toBe(true))
    db.start.fail(new Error('no route'))
    expect((await group.stop()).errors).toMatchObject([
      { service: 'shop/db', message: expect.stringContaining('no route') },
    ])
  })

  test.each([
    ['a service that is not there', { action: 'restart', service: 'nobody' }, 404, 'ERR_UNKNOWN_SERVICE'],
    ['no service', { action: 'restart' }, 400, 'ERR_BAD_REQUEST'],
    ['a service that is no name', { action: 'restart', service: 7 }, 400, 'ERR_BAD_REQUEST'],
    ['something else', { action: 'explode' }, 400, 'ERR_BAD_REQUEST'],
    ['nothing', 'null', 400, 'ERR_BAD_REQUEST'],
    ['no JSON', '{"action"', 400, 'ERR_BAD_REQUEST'],
    ['a novel', `{"action":"${'x'.repeat(5_000)}"}`, 400, 'ERR_BAD_REQUEST'],
  ])('%s is refused', async (_, body, status, code) => {
    const { group, post } = await openShop()
    await group.start()
    expect(await post(body)).toMatchObject({ status, code, error: expect.any(String) })
  })

  test('a service of a group that has not been started is not restarted', async () => {
    const { post } = await openShop()
    expect(await post({ action: 'restart', service: 'db' })).toMatchObject({ status: 409, code: 'ERR_NOT_STARTED' })
  })
})

describe('a request', () => {
  test.each([
    ['without the token', { authorization: '' }, 401, 'ERR_UNAUTHORIZED'],
    ['with another token', { authorization: 'Bearer correct horse battery stapler' }, 401, 'ERR_UNAUTHORIZED'],
    ['with the token in another way', { authorization: `Basic ${token}` }, 401, 'ERR_UNAUTHORIZED'],
    ['of a form', { 'content-type': 'application/x-www-form-urlencoded' }, 400, 'ERR_BAD_REQUEST'],
    ['of text', { 'content-type': 'text/plain' }, 400, 'ERR_BAD_REQUEST'],
    ['from another page', { origin: 'https://evil.example' }, 403, 'ERR_CROSS_ORIGIN'],
    ['from another port', { origin: 'http://127.0.0.1:1' }, 403, 'ERR_CROSS_ORIGIN'],
    ['from a file', { origin: 'null' }, 403, 'ERR_CROSS_ORIGIN'],
    ['that the browser says is from elsewhere', { 'sec-fetch-site': 'cross-site' }, 403, 'ERR_CROSS_ORIGIN'],
    ['that the browser says is from a neighbour', { 'sec-fetch-site': 'same-site' }, 403, 'ERR_CROSS_ORIGIN'],
  ])('%s does nothing', async (_, headers, status, code) => {
    const { group, port, post, told } = await openShop()
    await group.start()
    expect(await post({ action: 'stop' }, headers)).toMatchObject({ status, code })
    expect(group.status.ready).toBe(true)
    expect(told()).toMatchObject([{ path: 'shop', by: '127.0.0.1', outcome: 'refused', reason: expect.any(String) }])
    if (status !== 401) return
    const { headers: answer } = await fetch(`http://127.0.0.1:${port}/admin/actions`, { method: 'POST' })
    expect(answer.get('www-authenticate')).toBe('Bearer')
  })

  test('that is no JSON to the browser does nothing, though the app reads everything as JSON', async () => {
    const group = serviceGroup('shop').add(service('db', {}))
    const port = await serve(express().use(express.json({ type: () => true }), dashboard(group, { token })))
    await group.start()
    const { status } = await fetch(`http://127.0.0.1:${port}/actions`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', authorization: `Bearer ${token}` },
      body: '{"action":"stop"}',
    })
    expect(status).toBe(400)
    expect(group.status.ready).toBe(true)
  })

  test('of the page itself, also behind a proxy that changes the host, is heeded', async () => {
    const { group, port, post } = await openShop({ token, hosts: ['ops.example.com'] })
    await group.start()
    for (const origin of [`http://127.0.0.1:${port}`, 'https://ops.example.com'])
      expect(
        await post({ action: 'restart', service: 'db' }, { origin, 'sec-fetch-site': 'same-origin' }),
      ).toMatchObject({ status: 202 })
  })
})
