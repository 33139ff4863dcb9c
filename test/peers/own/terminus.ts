import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createTerminus } from '@godaddy/terminus'
import { app, db, drainDelay, port } from '../../../demos/migration/shop.ts'
import { closeAll, forceAtSecondSignal, openAll, orders } from './own-code.ts'

forceAtSecondSignal()
await openAll(db, orders)
const server = createServer(app)
createTerminus(server, {
  healthChecks: { '/ready': async () => undefined },
  signals: ['SIGTERM', 'SIGINT'],
  timeout: 10_000,
  useExit0: true,
  beforeShutdown: () => delay(drainDelay),
  onSignal: () => closeAll(orders, db),
  logger: console.error,
})
server.listen(port)
