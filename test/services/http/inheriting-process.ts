/** Servers on inherited sockets, under `run`. `SERVICES` tells their options; it prints where each of them listens. */
import { createServer } from 'node:https'
import { run, service, serviceGroup } from 'rx-service-group'
import { type HttpOptions, http } from 'rx-service-group/http'

const { SERVICES = '{}', KEY, CERT, RESTARTED } = process.env
const services: Record<string, HttpOptions> = JSON.parse(SERVICES)

const group = serviceGroup('shop')
for (const [name, options] of Object.entries(services)) {
  const app = (_: unknown, response: { end(text: string): unknown }) => response.end(`${name} ${process.pid}`)
  group.add(http(name, name === 'secure' ? createServer({ key: KEY, cert: CERT }, app) : app, options))
}
const tell = () => {
  for (const name of Object.keys(services))
    console.log(`${name}: ${JSON.stringify(group.status.service(name)?.state.info)}`)
  console.log('ready')
  if (RESTARTED) setImmediate(() => group.restart(RESTARTED).catch(() => {}))
}
group.add(service('tell', { start: tell }))
await run(group)
