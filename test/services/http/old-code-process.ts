/**
 * A server with old code beside the group: a handler of SIGTERM that ends the server by itself. Arguments: whether it
 * is registered `before` or `after` the group runs, and the methods that it calls.
 */
import { createServer } from 'node:http'
import { run, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'

const [, , order, ...calls] = process.argv as string[]
const server = createServer((request, response) => {
  if (request.url === '/slow') setTimeout(() => response.end('slow'), 600)
  else response.end('hello')
})
const oldCode = () => {
  for (const call of calls) {
    if (call === 'close') server.close(error => console.log(`closed ${error ?? 'well'}`))
    else server[call as 'closeAllConnections']()
  }
  console.log('old code ran')
}
const group = serviceGroup('shop', { drainDelay: 300 }).add(http('api', server, { host: '127.0.0.1' }))
if (order === 'before') process.on('SIGTERM', oldCode)
const over = run(group)
if (order === 'after') process.on('SIGTERM', oldCode)
await over
