/**
 * A shop under `run`, with its dashboard as observer on PORT. Its drain lasts until somebody asks for /go; its events
 * are printed as JSON lines.
 */
import express from 'express'
import { run, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

let go: () => void
const gone = new Promise<void>(resolve => {
  go = resolve
})
const group = serviceGroup('shop')
  .add(service('db', {}))
  .add(
    service('orders', {
      drain: ({ pending }) => {
        pending(3)
        return gone
      },
    }),
  )
  .add(service('api', {}))
const app = express()
  .get('/go', (_, response) => {
    response.end()
    go()
  })
  .use(dashboard(group))
group.add(http('dashboard', app, { port: Number(process.env['PORT'] ?? 0), host: '127.0.0.1' }), { observer: true })
log(group, { format: 'json' })
await run(group, { report: () => undefined })
