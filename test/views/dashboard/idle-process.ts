/** A group with a dashboard that was looked at once; nothing else keeps the process alive. */
import { get } from 'node:http'
import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'

const group = serviceGroup('shop').add(service('db', {}))
const server = express().use(dashboard(group)).listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const { port } = server.address() as { readonly port: number }
await group.start()
await new Promise<void>(resolve => {
  const page = get({ host: '127.0.0.1', port, path: '/events', agent: false }, response => {
    response.once('data', () => page.destroy()).on('error', () => resolve())
  })
})
server.close()
console.log(`${group.status.phase}, and that is all`)
