/**
 * fastify in a group: with the plugin, the group starts before the app listens, and the app's server drains with it.
 *
 *   node --import tsx demos/recipes/fastify.ts      (PORT=8080), then curl localhost:8080/orders, and press Ctrl-C
 *
 * Here `run` leads, and the app is the last service of the group. Without `run`, `await app.listen({ port: 8080 })`
 * starts the group, and `app.close()` stops it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import fastify from 'fastify'
import { run, service, serviceGroup } from 'rx-service-group'
import { serviceGroupPlugin } from 'rx-service-group/fastify'
import { log } from 'rx-service-group/log'

const books = new Set<string>()
const group = serviceGroup('shop').add(
  service('orders', { start: () => void books.add('a book'), stop: () => books.clear() }),
)

const app = fastify()
  .get('/orders', async () => {
    console.log('looking for orders')
    await delay(500)
    return [...books]
  })
  .addHook('onClose', async () => console.log('fastify: closed'))
await app.register(serviceGroupPlugin, { group, healthPath: '/health' })

const port = Number(process.env['PORT'] ?? 8080)
group.add(service('app', { start: () => app.listen({ port, host: '0.0.0.0' }), stop: () => app.close() }))

log(group)
await run(group)
