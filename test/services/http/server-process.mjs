// An http service in a process of its own: answers after `?ms=`, leaves when told, reports, and ends by itself.

import { http } from 'rx-service-group/http'
import { ReplaySubject } from 'rxjs'

const reason = { by: 'call' }
const shutdown$ = new ReplaySubject(1)
let toldAt
let lastAnswer = 0

const app = (request, response) => {
  const ms = Number(new URL(request.url, 'http://x').searchParams.get('ms'))
  const answer = () => {
    // Said by the server at the moment of the answer, so that no clock has to be compared.
    if (toldAt !== undefined) response.setHeader('x-leaving', 'yes')
    response.end('ok')
    lastAnswer = performance.now()
  }
  if (ms > 0) setTimeout(answer, ms)
  else answer()
}

http('api', app, { host: '127.0.0.1' })
  .lifecycle(shutdown$)
  .subscribe({
    next: state => {
      if (state.phase === 'running' && !state.leaving) process.send({ port: state.info.port })
      if (state.phase === 'drained') shutdown$.next({ step: 'stop', reason })
      if (state.phase !== 'stopped') return
      const now = performance.now()
      // Closed handles are gone on the next turn; what is left then would keep the process alive.
      setImmediate(() => {
        process.send({
          took: now - toldAt,
          afterLastAnswer: now - Math.max(lastAnswer, toldAt),
          info: state.info,
          left: process.getActiveResourcesInfo().filter(kind => /TCP|Timeout/.test(kind)),
        })
        process.disconnect()
      })
    },
  })

process.once('message', () => {
  toldAt = performance.now()
  shutdown$.next({ step: 'unready', reason })
  shutdown$.next({ step: 'drain', reason })
})
