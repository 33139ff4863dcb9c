/**
 * A group that changes now and then. Between two changes nothing happens in the process: only the next timer wakes it.
 */
import { createServer } from 'node:http'
import express from 'express'
import { type ServiceContext, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'

let context!: ServiceContext
const group = serviceGroup('shop').add(
  service('db', {
    start: ctx => {
      context = ctx
    },
  }),
)
const server = createServer(express().use(dashboard(group))).listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
await group.start()
console.log(`port ${(server.address() as { readonly port: number }).port}.`)

const change = (what: string): void => context.setHealth('pass', `${what} at ${Date.now()}`)
const after = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const burst = (): void => {
  for (let n = 0; n < 30; n++) change('one of many')
}
const IDLE = 400
await new Promise<void>(resolve => server.once('request', () => resolve()))
for (let round = 0; round < 3; round++) {
  await after(IDLE)
  change('alone')
  await after(IDLE)
  change('one of two')
  await after(10)
  change('soon after another')
  await after(IDLE)
  burst()
  await after(5)
  change('soon after a burst')
  await after(IDLE)
  burst()
  await after(5)
  burst()
  change('the last of a burst')
}
await after(IDLE)
console.log('that is all')
