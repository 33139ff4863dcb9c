import { createServer } from 'node:http'
import { createHttpTerminator } from 'http-terminator'
import { app, db, port } from '../../../demos/migration/shop.ts'
import { closeAll, exitAfter, forceAtSecondSignal, leave, openAll, orders, withReadiness } from './own-code.ts'

forceAtSecondSignal()
await openAll(db, orders)
const server = createServer(withReadiness(app)).listen(port)
const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 10_000 })
process.once('SIGTERM', async () => {
  await leave()
  await terminator.terminate()
  await exitAfter(closeAll(orders, db))
})
