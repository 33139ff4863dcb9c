import { createServer } from 'node:http'
import stoppable from 'stoppable'
import { app, db, port } from '../../../demos/migration/shop.ts'
import { closeAll, exitAfter, forceAtSecondSignal, leave, openAll, orders, withReadiness } from './own-code.ts'

forceAtSecondSignal()
await openAll(db, orders)
const server = stoppable(createServer(withReadiness(app)), 10_000)
server.listen(port)
process.once('SIGTERM', async () => {
  await leave()
  server.stop(() => void exitAfter(closeAll(orders, db)))
})
