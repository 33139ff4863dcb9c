import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { type DashboardOptions, dashboard } from 'rx-service-group/dashboard'
import { fakeService } from 'rx-service-group/testing'
import { describe, expect, test, vi } from 'vitest'
import { serve, watch } from './watch.ts'

const token = 'correct horse battery staple'

const openShop = async (options: DashboardOptions = { token }) => {
  const db = fakeService('db', { stop: 'returns' })
  const group = serviceGroup('shop')
    .add(db)
    .add(serviceGroup('workers').add(service('mailer', {})))
  const port = await serve(express().use('/admin', dashboard(group, options)))
  const post = async (body: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/admin/actions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const { code, error } = (await response.json()) as { readonly code?: string; readonly error?: string }
    return { status: response.status, code, error }
  }
  return { db, group, port, post }
}

describe('without a token', () => {
  test('there are no actions', async () => {
    const { group, port, post } = await openShop({})
    await group.start()
    const page = await watch(port, { path: '/admin/events' })
    await page.until(({ messages }) => messages.length > 0)
    expect(page.messages[0]).toMatchObject({ event: 'hello', data: { actions: false } })
    expect(await post({ action: 'stop' })).toMatchObject({ status: 404, code: 'ERR_READ_ONLY' })
    expect(group.status.ready).toBe(true)
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
    const { group, port, post } = await openShop()
    await group.start()
    expect(await post({ action: 'stop' }, headers)).toMatchObject({ status, code })
    expect(group.status.ready).toBe(true)
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
