/**
 * A dashboard of your own: `status$`, Server-Sent Events, and a page of a few lines.
 *
 *   node --import tsx demos/09-your-own-dashboard.ts     (PORT=8080), then open the address it prints
 *
 * The one that comes with the library is `rx-service-group/dashboard`; see demos/10-dashboard.ts.
 */
import express from 'express'
import { run, serviceGroup, task } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { auditTime, mergeMap, throwError, timer } from 'rxjs'

const page = `<!doctype html><title>Services</title>
<style>body { font: 15px system-ui; color-scheme: light dark } td { padding: 4px 20px 4px 0 } h1 { font-size: 20px }</style>
<h1 id="title"></h1><table id="rows"></table><script>
  const row = cells => {
    const tr = document.createElement('tr')
    for (const text of cells) tr.insertCell().textContent = text
    return tr
  }
  new EventSource('status').onmessage = ({ data }) => {
    const { name, phase, health, ready, services } = JSON.parse(data)
    title.textContent = name + ' is ' + phase + ', ' + health + (ready ? ', ready' : ', not ready')
    rows.replaceChildren(...Object.values(services).map(({ path, state, restarts }) =>
      row([path, state.phase, state.error?.message ?? state.detail ?? '', restarts + ' restarts'])))
  }
</script>`

const app = express()
  .get('/', (_, response) => void response.send(page))
  .get('/status', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const status$ = group.status$.pipe(auditTime(100))
    const subscription = status$.subscribe(status => response.write(`data: ${JSON.stringify(status)}\n\n`))
    response.on('close', () => subscription.unsubscribe())
  })

const worker = task('worker', () => timer(3_000).pipe(mergeMap(() => throwError(() => new Error('connection lost')))))
const group = serviceGroup('shop')
  .add(http('dashboard', app, { port: Number(process.env['PORT'] ?? 8080), host: '127.0.0.1' }), { observer: true })
  .add(worker, { restart: { policy: 'permanent', initialDelay: 2_000, maxRestarts: Infinity } })

log(group)
await run(group)
