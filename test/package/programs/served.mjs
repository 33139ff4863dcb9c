// A group with a server, for any runtime: a request is under way when the signal comes.
import { createServer } from 'node:http'
import process from 'node:process'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'

const server = createServer((_, response) => {
  console.log('asked')
  setTimeout(() => response.end('hello'), 500)
})
const group = serviceGroup('shop')
  .add(
    service('db', {
      start: () => new Promise(resolve => setTimeout(resolve, 10)),
      stop: () => console.log('db stops'),
    }),
  )
  .add(http('api', server, { port: 0, host: '127.0.0.1' }))

const told = group.status$.subscribe(({ ready, services }) => {
  if (!ready) return
  console.log(`listening on ${services['shop/api'].state.info.port}.`)
  setImmediate(() => told.unsubscribe())
})
const report = await run(group)
console.log(`ok: ${report.ok}, exit code: ${process.exitCode}`)
