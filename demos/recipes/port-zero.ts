/**
 * Port 0 lets the system choose. Where a server listens is in its running state, and so wherever states are seen.
 *
 *   node --import tsx demos/recipes/port-zero.ts
 */
import { service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { filter, map, pipe, take } from 'rxjs'

const group = serviceGroup('shop')

group
  .add(http('api', (_, response) => response.end('hello'), { port: 0, host: '127.0.0.1' }))
  // What starts later finds it.
  .add(service('registry', { start: () => console.log(`status   ${group.service('api').info['port']}`) }))

const known = pipe(
  filter((port: unknown) => port !== undefined),
  take(1),
)
const ofStatus$ = group.status$.pipe(
  map(status => status.service('api')?.state.info?.['port']),
  known,
)
const ofEvents$ = group.events$.pipe(
  map(event => (event.kind === 'transition' && event.path === 'shop/api' ? event.state.info?.['port'] : undefined)),
  known,
)
ofStatus$.subscribe(port => console.log(`status$  ${port}`))
ofEvents$.subscribe(port => console.log(`events$  ${port}`))

await group.start()
console.log(`it says  ${await (await fetch(String(group.service('api').info['url']))).text()}`)
await group.stop()
