import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { serviceGroup } from 'rx-service-group'
import { grpc } from 'rx-service-group/grpc'

const asText = { serialize: text => Buffer.from(text), deserialize: bytes => bytes.toString() }
const greet = {
  path: '/demo.Greeter/Greet',
  requestStream: false,
  responseStream: false,
  requestSerialize: asText.serialize,
  requestDeserialize: asText.deserialize,
  responseSerialize: asText.serialize,
  responseDeserialize: asText.deserialize,
}
const handlers = { greet: ({ request }, reply) => void setTimeout(200).then(() => reply(null, `hello ${request}`)) }
const rpc = grpc('rpc', server => server.addService({ greet }, handlers), { host: '127.0.0.1' })
const group = serviceGroup('shop').add(rpc)
await group.start()

const client = new Client(group.status.service('shop/rpc').state.info.url, credentials.createInsecure())
const call = (path, request, deserialize) =>
  new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      path,
      bytes => bytes,
      deserialize,
      request,
      (error, reply) => (error ? reject(error) : resolve(reply)),
    ),
  )
const health = await call('/grpc.health.v1.Health/Check', Buffer.from('\n\fdemo.Greeter'), bytes =>
  bytes.toString('hex'),
)
assert.equal(health, '0801', 'SERVING')
const late = call(greet.path, Buffer.from('Ann'), asText.deserialize)
await setTimeout(50)
const stopped = group.stop()
assert.equal(await late, 'hello Ann')
assert.equal((await stopped).ok, true)
client.close()
console.log('it works')
