/**
 * Port 0 lets the system choose. The service knows its port and url while it listens. They are in its running state
 * too, and so wherever states are seen.
 *
 *   node --import tsx demos/recipes/port-zero.ts
 */
import { service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { filter, map, take } from 'rxjs'

const api = http('api', (_, response) => response.end('hello'), { port: 0, host: '127.0.0.1' })
const group = serviceGroup('shop')
  .add(api)
  // A service that starts later finds it listening.
  .add(service('registry', { start: () => console.log(`service  ${api.port}`) }))

const ofEvents$ = group.events$.pipe(
  map(event => (event.kind === 'transition' && event.path === 'shop/api' ? event.state.info?.['port'] : undefined)),
  filter(port => port !== undefined),
  take(1),
)
ofEvents$.subscribe(port => console.log(`events$  ${port}`))

await group.start()
console.log(`it says  ${await (await fetch(api.url!)).text()}`)
await group.stop()
