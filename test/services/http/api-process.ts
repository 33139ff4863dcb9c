/** An API and the database it needs, under `run`: answers after `?ms=`, and says at the end how it went. */
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'

let open = false
let toldAt = 0
let lastAnswer = 0

const group = serviceGroup('shop')
  .add(
    service('db', {
      start: () => {
        open = true
      },
      stop: () => {
        open = false
      },
    }),
  )
  .add(
    http(
      'api',
      (request, response) => {
        const ms = Number(new URL(request.url ?? '/', 'http://api').searchParams.get('ms'))
        const answer = () => {
          // Said by the server at the moment of the answer, so that no clock has to be compared.
          if (toldAt > 0) response.setHeader('x-leaving', 'yes')
          response.writeHead(open ? 200 : 503).end('ok')
          lastAnswer = performance.now()
        }
        if (ms > 0) setTimeout(answer, ms)
        else answer()
      },
      { host: '127.0.0.1' },
    ),
  )

group.health$.subscribe(({ ready }) => {
  const { state } = group.status.services['shop/api']!
  if (ready) console.log(`listening on ${state.info?.['port']}`)
  else if (group.status.trigger) toldAt = performance.now()
})
await run(group, {
  report: ({ ok, services, keepsAlive }) => {
    const now = performance.now()
    const [, api] = services
    const times = { took: now - toldAt, afterLastAnswer: now - Math.max(lastAnswer, toldAt) }
    console.log(`report ${JSON.stringify({ ok, keepsAlive, info: api?.info, ...times })}`)
  },
})
