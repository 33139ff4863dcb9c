/**
 * A pool of pg in a group: connected before all that use it, checked while it runs, closed after them.
 *
 *   node --import tsx demos/recipes/postgres.ts      (DATABASE_URL, PORT=8080), then curl localhost:8080
 *
 * A pool has no work of its own to drain: it serves the requests that the API still answers. At its turn to stop it
 * waits for the connections in use, and tells them as `pending`.
 */
import { Pool } from 'pg'
import { run, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { pgPool } from 'rx-service-group/pg'

const connectionString = process.env['DATABASE_URL'] ?? 'postgres://postgres@localhost/postgres'
const db = pgPool('db', () => new Pool({ connectionString, connectionTimeoutMillis: 2_000 }))

const group = serviceGroup('shop')
  .add(db)
  .add(
    http(
      'api',
      async (_, response) => {
        console.log('a question')
        const { rows } = await db.pool.query('select pg_sleep(0.3), 6 * 7 as answer')
        response.end(`the answer is ${rows[0].answer}`)
      },
      { port: Number(process.env['PORT'] ?? 8080) },
    ),
  )

log(group)
await run(group)
