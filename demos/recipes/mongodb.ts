/**
 * A MongoDB client in a group: connected before all that use it, closed after them. The driver's own heartbeat tells
 * its health.
 *
 *   node --import tsx demos/recipes/mongodb.ts      (MONGODB_URL=mongodb://localhost:27017), then press Ctrl-C
 */
import { MongoClient } from 'mongodb'
import { run, service, serviceGroup } from 'rx-service-group'
import { log } from 'rx-service-group/log'

const url = process.env['MONGODB_URL'] ?? 'mongodb://localhost:27017'
const client = new MongoClient(url, { serverSelectionTimeoutMS: Number(process.env['MONGODB_WAIT'] ?? 10_000) })

const mongo = service('mongo', {
  start: async ({ setHealth, signal }) => {
    // A start that is cancelled closes the client, which ends the wait for a server.
    signal.addEventListener('abort', () => void client.close())
    await client.connect()
    client.on('serverHeartbeatFailed', ({ failure }) => setHealth('fail', failure.message))
    client.on('serverHeartbeatSucceeded', () => setHealth('pass'))
  },
  stop: () => client.close(),
})

const group = serviceGroup('shop').add(mongo)
log(group)
await run(group)
