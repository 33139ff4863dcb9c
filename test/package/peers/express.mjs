import assert from 'node:assert/strict'
import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { http } from 'rx-service-group/http'
import { probes } from 'rx-service-group/probes'

const token = 'only for this test'
const group = serviceGroup('shop').add(service('db', {}))
const app = express().use(probes(group)).use('/admin', dashboard(group, { token }))
group.add(http('web', app, { host: '127.0.0.1' }), { observer: true })
await group.start()
const { url } = group.status.service('shop/web').state.info

const ask = async (path, { status = 200, type, ...init } = {}) => {
  const response = await fetch(url + path, init)
  const text = await response.text()
  assert.equal(response.status, status, `${path}: ${text}`)
  if (type) assert.match(response.headers.get('content-type'), type)
  return { text, path: response.url.slice(url.length) }
}
assert.deepEqual(JSON.parse((await ask('/livez', { type: /^application\/health\+json/ })).text), { status: 'pass' })
assert.match((await ask('/readyz?verbose')).text, /shop\/?/)
await ask('/startupz')
await ask('/healthz', { method: 'POST', status: 405 })
assert.equal((await ask('/admin?tab=1', { type: /^text\/html/ })).path, '/admin/?tab=1')
await ask('/admin/page.js', { type: /javascript/ })
await ask('/admin/page.css', { type: /^text\/css/ })
assert.equal(JSON.parse((await ask('/admin/status')).text).phase, 'running')
await ask('/admin/nothing', { status: 404 })

const act = (body, status, authorization = `Bearer ${token}`) =>
  ask('/admin/actions', {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body,
    status,
  })
await act('{}', 401, 'Bearer wrong')
await act('{ no JSON', 400)
await act('{"action":"restart","service":"nobody"}', 404)
await act('{"action":"restart","service":"db"}', 202)
const events = await fetch(`${url}/admin/events`)
await act('{"action":"stop"}', 202)
const heard = [...(await events.text()).matchAll(/^event: (\w+)/gm)].map(([, name]) => name)
assert.equal(heard[0], 'hello')
assert.equal(heard.at(-1), 'end')
assert.equal((await group.stop()).ok, true)
console.log('it works')
