/**
 * An API and the database it needs, under `run`: answers after `?ms=`, and says at the end how it went. It speaks
 * HTTP/1, or HTTP/2 with `HTTP2=plain` or, given `KEY` and `CERT`, `HTTP2=tls`.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSecureServer, createServer } from 'node:http2'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'

let open = false
let toldAt = 0
let lastAnswer = 0
/** How late the process was at worst: how busy the machine is. */
let late = 0

const app = (request: IncomingMessage, response: ServerResponse) => {
  const ms = Number(new URL(request.url ?? '/', 'http://api').searchParams.get('ms'))
  const answer = () => {
    // Said by the server at the moment of the answer, so that no clock has to be compared.
    if (toldAt > 0) response.setHeader('x-leaving', 'yes')
    response.writeHead(open ? 200 : 503).end('ok')
    lastAnswer = performance.now()
  }
  if (ms > 0) setTimeout(answer, ms)
  else answer()
}

const { HTTP2, KEY = '', CERT = '' } = process.env
const served =
  HTTP2 === 'tls'
    ? createSecureServer({ key: KEY, cert: CERT, allowHTTP1: true }, app as never)
    : HTTP2 === 'plain'
      ? createServer(app as never)
      : app

const api = http('api', served, { host: '127.0.0.1' })
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
  .add(api)

group.health$.subscribe(({ ready }) => {
  if (ready) console.log(`listening on ${api.port}`)
  else if (group.status.trigger) toldAt = performance.now()
})
let ticked = performance.now()
setInterval(() => {
  const now = performance.now()
  late = Math.max(late, now - ticked - 5)
  ticked = now
}, 5).unref()

await run(group, {
  report: ({ ok, services, keepsAlive }) => {
    const now = performance.now()
    const times = { took: now - toldAt, afterLastAnswer: now - Math.max(lastAnswer, toldAt) }
    console.log(`report ${JSON.stringify({ ok, keepsAlive, info: services[1]?.info, late, ...times })}`)
  },
})
