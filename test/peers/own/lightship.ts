import { createServer } from 'node:http'
import { createLightship } from 'lightship'
import { app, db, drainDelay, healthPort, port } from '../../../demos/migration/shop.ts'
import { closeAll, exitAfter, forceAtSecondSignal, openAll, orders, withReadiness } from './own-code.ts'

forceAtSecondSignal()
const lightship = await createLightship({
  port: healthPort,
  detectKubernetes: false,
  shutdownDelay: drainDelay,
  shutdownHandlerTimeout: 60_000,
  gracefulShutdownTimeout: 60_000,
})
await openAll(db, orders)
const server = createServer(withReadiness(app, () => lightship.isServerShuttingDown())).listen(port, () =>
  lightship.signalReady(),
)
lightship.registerShutdownHandler(
  () => new Promise(resolve => server.close(() => resolve(exitAfter(closeAll(orders, db))))),
)
