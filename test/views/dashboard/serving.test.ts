import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { describe, expect, test } from 'vitest'
import { routed } from '../../../src/views/common/listener.ts'
import { assets } from '../../../src/views/dashboard/assets.ts'
import { request } from '../../services/http/driver.ts'
import { serve, watch } from './watch.ts'

const shop = () => serviceGroup('shop').add(service('db', {}))

const POLICY = expect.stringMatching(
  new RegExp(
    `^default-src 'none'; script-src 'self' 'sha256-[\\w+/]{43}='; style-src 'self'; connect-src 'self'; ` +
      `img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`,
  ),
)

describe('the router', () => {
  test.each(['/', '/page.js', '/page.css', '/events', '/status'])('protects %s', async path => {
    const port = await serve(express().use(dashboard(shop())))
    const { headers } = await watch(port, { path })
    expect(headers).toMatchObject({
      'content-security-policy': POLICY,
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })

  test('leaves the other routes of an app alone', async () => {
    const app = express().use(dashboard(shop()))
    const port = await serve(app.get('/orders', (_, response) => void response.send('orders')))
    const { body, headers } = await request(port, '/orders', { headers: { host: 'shop.example' } })
    expect(body).toBe('orders')
    expect(headers['content-security-policy']).toBeUndefined()
    expect((await request(port, '/nowhere')).status).toBe(404)
  })

  test('serves under a path, and sends who forgets the slash to the folder', async () => {
    const port = await serve(express().use('/ops/admin', dashboard(shop())))
    expect(await request(port, '/ops/admin?theme=dark')).toMatchObject({
      status: 307,
      headers: { location: './admin/?theme=dark' },
    })
    expect((await request(port, '/ops/admin/')).status).not.toBe(307)
    const page = await watch(port, { path: '/ops/admin/events' })
    await page.until(({ events }) => events.length > 0)
    expect(page.folded?.name).toBe('shop')
  })

  test('tells the status to programs', async () => {
    const group = shop()
    const port = await serve(express().use(dashboard(group)))
    const { status, headers, body } = await request(port, '/status')
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    const { reasons } = group.status
    expect(JSON.parse(body)).toEqual(JSON.parse(JSON.stringify({ ...group.status.toJSON(), reasons })))
    expect(reasons).not.toEqual([])
  })
})

describe('the files of the page', () => {
  const page = { html: '<!doctype html>', js: 'go()', css: 'body {}' }

  test.each([
    ['/', 'text/html; charset=utf-8', page.html],
    ['/page.js', 'text/javascript; charset=utf-8', page.js],
    ['/page.css', 'text/css; charset=utf-8', page.css],
  ])('%s is asked for again each time, and sent when it has changed', async (path, type, content) => {
    const port = await serve(express().use(routed(assets(page))))
    const { status, headers, body } = await request(port, path)
    expect({ status, body }).toEqual({ status: 200, body: content })
    expect(headers).toMatchObject({ 'content-type': type, 'cache-control': 'no-cache' })
    const again = await request(port, path, { headers: { 'if-none-match': headers.etag! } })
    expect(again).toMatchObject({ status: 304, body: '' })
    expect((await request(port, path, { headers: { 'if-none-match': '"old"' } })).status).toBe(200)
  })

  test('are all there is: no other file can be had', async () => {
    const port = await serve(express().use(routed(assets(page))))
    for (const path of ['/index.js', '/page.html', '/page.js/', '/../page.js', '/%2e%2e/index.js'])
      expect((await request(port, path)).status).toBe(404)
  })
})

describe('a request', () => {
  test.each([
    '127.0.0.1:9000',
    '192.168.7.1',
    '[::1]:9000',
    '[fe80::1]',
    'localhost',
    'LocalHost:9000',
    'shop.localhost:9000',
    'ops.example.com',
    'OPS.example.com:443',
  ])('for %s is answered', async host => {
    const port = await serve(express().use(dashboard(shop(), { hosts: ['Ops.example.com'] })))
    expect((await request(port, '/status', { headers: { host } })).status).toBe(200)
  })

  test.each([
    'evil.example',
    'evil.example:9000',
    'ops.example.com.evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'ops.example.com:x',
    'evil.example:80@localhost',
    ' ',
  ])('for "%s" is not: a page from elsewhere may have given its own name our address', async host => {
    const port = await serve(express().use(dashboard(shop(), { hosts: ['ops.example.com'] })))
    const { status, headers, body } = await request(port, '/events', { headers: { host } })
    expect(status).toBe(403)
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(JSON.parse(body)).toMatchObject({ code: 'ERR_UNKNOWN_HOST', error: expect.stringContaining('"hosts"') })
  })
})
