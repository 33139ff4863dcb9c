/**
 * An HTTP gateway and the gRPC service that it asks, in one process: go-zero's question.
 *
 *   node --import tsx demos/13-http-and-grpc.ts        (PORT=8080, RPC_PORT=50051)
 *   curl localhost:8080/stock/apples
 *
 * Press Ctrl-C while a request is under way. It has yet to ask the gRPC service, so that must still be there: because
 * the gateway needs it, by `dependsOn`, it drains after the gateway, and the request is answered.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { credentials, type handleUnaryCall, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import express from 'express'
import { run, service, serviceGroup } from 'rx-service-group'
import { grpc } from 'rx-service-group/grpc'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

const proto = loadPackageDefinition(loadSync(fileURLToPath(new URL('support/stock.proto', import.meta.url))))
const { Stock } = proto['shop'] as { Stock: ServiceClientConstructor }

const Count: handleUnaryCall<{ name: string }, { count: number }> = async ({ request }, reply) => {
  await delay(500)
  reply(null, { count: request.name.length })
}

let client: InstanceType<ServiceClientConstructor>
const ask = (name: string) =>
  new Promise((resolve, reject) => {
    client['Count']?.({ name }, (error: unknown, level: unknown) => (error ? reject(error) : resolve(level)))
  })

const app = express().get('/stock/:name', async (request, response) => {
  const { name } = request.params
  console.log(`  GET /stock/${name}`)
  await delay(500)
  console.log(`  asking the gRPC service for ${name}`)
  response.json(await ask(name))
})

const port = Number(process.env['PORT'] ?? 8080)
const rpcPort = Number(process.env['RPC_PORT'] ?? 50051)

const group = serviceGroup('shop')
  .add(grpc('stock', server => server.addService(Stock.service, { Count }), { port: rpcPort, host: '127.0.0.1' }))
  .add(
    service('client', {
      start: () => {
        const { url } = group.service('stock').info
        client = new Stock(String(url), credentials.createInsecure())
      },
      stop: () => client.close(),
    }),
    { dependsOn: ['stock'] },
  )
  .add(http('gateway', app, { port }), { dependsOn: ['client'] })

log(group)
await run(group)
