import { grpc } from 'rx-service-group/grpc'
import { serviceConformance } from 'rx-service-group/testing'
import { describe, test } from 'vitest'
import { gate } from '../http/driver.ts'
import { type EchoHandlers, echo, echoClient, say } from './echo.ts'

/** Answers at once, or when it is let. */
const echoing = () => {
  const waiting = gate()
  const go = gate()
  const Say: EchoHandlers['Say'] = async ({ request }, reply) => {
    if (request === 'slow') {
      waiting.open()
      await go.opened
    }
    reply(null, request)
  }
  return { Say, waiting, go }
}

describe('the gRPC service is like any other', () => {
  let latest: ReturnType<typeof echoing>
  const ask = async ({ info }: { readonly info?: { readonly port?: unknown } }, text: string) => {
    const client = echoClient(Number(info?.port))
    const answer = await say(client, text).finally(() => client.close())
    if (answer !== text) throw new Error(`the call ended with status ${answer}`)
  }

  const checks = serviceConformance({
    create: () => {
      latest = echoing()
      return grpc('rpc', server => server.addService(echo, { Say: latest.Say } as never), { host: '127.0.0.1' })
    },
    use: running => ask(running, 'hello'),
    work: async running => {
      const done = ask(running, 'slow')
      done.catch(() => undefined)
      await latest.waiting.opened
      return { done, finish: latest.go.open }
    },
    broken: () => grpc('rpc', () => Promise.reject(new Error('no such proto')), { host: '127.0.0.1' }),
  })
  for (const { name, run } of checks) test(name, run)
})
