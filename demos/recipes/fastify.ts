/**
 * fastify in a group: the app is opened first and closed last, so that `onClose` runs when the last request is answered.
 *
 *   node --import tsx demos/recipes/fastify.ts      (PORT=8080), then curl localhost:8080/orders, and press Ctrl-C
 */
import { setTimeout as delay } from 'node:timers/promises'
import fastify from 'fastify'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

const app = fastify()
  .get('/orders', async () => {
    console.log('looking for orders')
    await delay(500)
    return ['a book']
  })
  .addHook('onClose', async () => console.log('fastify: closed'))

const group = serviceGroup('shop')
  .add(service('app', { start: () => app.ready(), stop: () => app.close() }))
  .add(http('api', app.server, { port: Number(process.env['PORT'] ?? 8080) }))

log(group)
await run(group)
