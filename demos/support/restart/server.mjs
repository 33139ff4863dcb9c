/*
 * The server that is restarted. It listens on the socket that it was passed, or else on its own port. JavaScript,
 * started by node itself: a loader for TypeScript may start a process of its own, to which nothing was passed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'

const place = process.env.LISTEN_FDS ? { fd: 'web' } : { port: Number(process.env.PORT), host: '127.0.0.1' }
const app = async (_, response) => {
  await delay(5)
  response.end('hello')
}

const group = serviceGroup('shop', { drainDelay: 100 })
  .add(http('web', app, place))
  .add(service('ready', { start: () => console.log('ready') }))
await run(group, { report: false })
