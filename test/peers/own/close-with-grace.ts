import closeWithGrace from 'close-with-grace'
import fastify from 'fastify'
import { db, hello, port, slow } from '../../../demos/migration/shop.ts'
import { closeAll, isLeaving, leave, openAll, orders } from './own-code.ts'

await openAll(db, orders)
const app = fastify()
app.get('/', async () => hello())
app.get('/slow', () => slow())
app.get('/ready', async (_request, reply) => reply.code(isLeaving() ? 503 : 200).send())
app.addHook('onResponse', async request => {
  if (isLeaving()) request.raw.socket.end()
})
closeWithGrace({ delay: 60_000 }, async ({ err }) => {
  if (err) console.error(err)
  await leave()
  await app.close()
  await closeAll(orders, db)
})
await app.listen({ port, host: '0.0.0.0' })
