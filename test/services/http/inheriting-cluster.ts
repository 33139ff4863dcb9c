/** A cluster whose primary inherits a listening socket as descriptor 3, and whose worker serves on it. */
import cluster from 'node:cluster'
import { serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'

if (cluster.isPrimary) {
  const worker = cluster.fork()
  process.on('SIGTERM', () => worker.kill('SIGTERM'))
} else {
  const group = serviceGroup('shop').add(http('web', (_, response) => response.end(`${process.pid}`), { fd: 3 }))
  await group.start()
  console.log(`ready ${process.pid}`)
  process.once('SIGTERM', async () => {
    await group.stop()
    process.disconnect()
  })
}
