import assert from 'node:assert/strict'
import fastify from 'fastify'
import { service, serviceGroup } from 'rx-service-group'
import { serviceGroupPlugin } from 'rx-service-group/fastify'

const group = serviceGroup('shop').add(service('db', {}))
const app = fastify()
app.register(serviceGroupPlugin, { group, healthPath: '/health' })
const url = await app.listen({ port: 0, host: '127.0.0.1' })
const answer = await fetch(`${url}/health`)
assert.deepEqual(await answer.json(), { status: 'pass' })
assert.equal(group.status.service('shop/http').state.info.url, url)
await app.close()
assert.equal(group.report.ok, true)
console.log('it works')
