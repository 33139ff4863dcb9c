import { createServer } from 'node:http'
import gracefulShutdown from 'http-graceful-shutdown'
import { app, db, port } from '../../../demos/migration/shop.ts'
import { closeAll, leave, openAll, orders, withReadiness } from './own-code.ts'

await openAll(db, orders)
const server = createServer(withReadiness(app)).listen(port)
gracefulShutdown(server, {
  timeout: 10_000,
  preShutdown: leave,
  onShutdown: () =>
    closeAll(orders, db).catch(error => {
      console.error(error)
      throw error
    }),
})
