/**
 * A gRPC server under `run`: answers each call after the milliseconds it is asked for, and says at the end how many it
 * saw. It takes a socket that it is passed.
 */
import { setTimeout as passed } from 'node:timers/promises'
import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js'
import { run, serviceGroup } from 'rx-service-group'
import { grpc } from 'rx-service-group/grpc'
import { echo } from './echo.ts'

let begun = 0
let answered = 0

const Say: handleUnaryCall<string, string> = async ({ request }, reply) => {
  begun++
  await passed(Number(request))
  answered++
  reply(null, request)
}
const Repeat: handleServerStreamingCall<string, string> = async call => {
  begun++
  for (let n = 0; n < 3; n++) {
    await passed(Number(call.request))
    call.write(call.request)
  }
  answered++
  call.end()
}

const place = process.env['LISTEN_FDS'] ? { fd: 'rpc' } : { host: '127.0.0.1' }
const group = serviceGroup('shop').add(grpc('rpc', server => server.addService(echo, { Say, Repeat } as never), place))
group.health$.subscribe(({ ready }) => {
  if (ready) console.log(`listening on ${group.status.services['shop/rpc']?.state.info?.['port']}`)
})
await run(group, {
  report: ({ ok, services, keepsAlive }) =>
    console.log(`report ${JSON.stringify({ ok, keepsAlive, info: services[0]?.info, begun, answered })}`),
})
