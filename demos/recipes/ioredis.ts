/**
 * A Redis client in a group: it is there before all that use it, and gone after them. Its own events tell its health:
 * `fail` while Redis is away, `pass` once it is back.
 *
 *   node --import tsx demos/recipes/ioredis.ts      (REDIS_URL=redis://localhost:6379, PORT=8080), then press Ctrl-C
 *
 * While Redis is away at the start, the client tries again, and the start waits for it until its `startTimeout`.
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://localhost:6379', {
  lazyConnect: true,
  // A disconnect from a Redis that is away would keep the process alive for this long, 2 s by default.
  disconnectTimeout: 0,
})

const client = service('redis', {
  start: async ({ setHealth, info, signal }) => {
    redis
      .on('error', error => info({ error: error.message }))
      .on('close', () => setHealth('fail', 'Redis is away'))
      .on('ready', () => setHealth('pass'))
    const cancelled = once(signal, 'abort').then(() => {
      redis.disconnect()
      throw signal.reason
    })
    // The first attempt may fail: the client goes on trying, and holds the question back until then.
    redis.connect().catch(() => {})
    await Promise.race([redis.ping(), cancelled])
  },
  // Without a connection `quit` would wait for one.
  stop: () => (redis.status === 'ready' ? redis.quit() : redis.disconnect()),
  force: () => redis.disconnect(),
})

const group = serviceGroup('shop')
  .add(client)
  .add(
    http(
      'api',
      async (_, response) => {
        console.log('a visitor')
        await delay(300)
        response.end(`visit ${await redis.incr('visits')}`)
      },
      { port: Number(process.env['PORT'] ?? 8080) },
    ),
  )

log(group)
await run(group)
