// An app as a user has it, with a part that is CommonJS.
import express from 'express'
import { register } from 'prom-client'
import { run, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { http } from 'rx-service-group/http'
import { metrics } from 'rx-service-group/metrics'
import { probes } from 'rx-service-group/probes'
import { workers } from './workers.cjs'

const group = serviceGroup('shop').add(service('db', {})).add(workers)
metrics(group)

const app = express()
  .use('/probes', probes(group))
  .use('/admin', dashboard(group))
  .get('/metrics', async (_, response) => response.type(register.contentType).send(await register.metrics()))
  .get('/block', () => {
    // An empty loop has no effect in the eyes of a bundler.
    for (;;) process.uptime()
  })
group.add(http('api', app, { port: 0, host: '127.0.0.1' }))

const told = group.status$.subscribe(({ ready, services }) => {
  if (!ready) return
  console.log(`listening on ${services['shop/api'].state.info.port}.`)
  setImmediate(() => told.unsubscribe())
})
run(group, { watchdog: { threshold: 500, killAfter: 500 } })
