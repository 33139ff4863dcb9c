import {
  credentials as ChannelCredentials,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  status,
} from '@grpc/grpc-js'
import { ServiceError } from 'rx-service-group'
import { type GrpcOptions, type GrpcSetup, grpc } from 'rx-service-group/grpc'
import { describe, expect, test } from 'vitest'
import { drive, gate, holdPort, rawConnection, refuses } from '../http/driver.ts'
import { echo, echoClient, say } from './echo.ts'
import { checkHealth } from './health-client.ts'
import { cert, key, named } from './localhost.ts'

const codeOf = (error: unknown) => (error instanceof ServiceError ? error.code : error)
const local = { host: '127.0.0.1' }
const echoing: GrpcSetup = server =>
  server.addService(echo, {
    Say: (call: { request: string }, reply: (e: null, answer: string) => void) => reply(null, call.request),
  })

describe('start', () => {
  test('is running once it listens, and says where', async () => {
    const life = drive(grpc('rpc', echoing, local))
    const { info } = await life.until('running')
    const port = await life.port()
    expect(info).toEqual({ address: '127.0.0.1', port, url: `dns:127.0.0.1:${port}` })
    const client = echoClient(port)
    expect(await say(client, 'hello')).toBe('hello')
    client.close()
    await life.leave()
    expect(await refuses(port)).toBe(true)
  })

  test('listens on every address unless given one, and then says localhost', async () => {
    const life = drive(grpc('rpc', echoing))
    const { info } = await life.until('running')
    expect(info).toMatchObject({ url: `dns:localhost:${await life.port()}` })
    await life.leave()
  })

  test('can be started again after it has ended: each incarnation has its own server', async () => {
    const servers = new Set<Server>()
    const rpc = grpc(
      'rpc',
      server => {
        servers.add(server)
        echoing(server, { draining: AbortSignal.abort() })
      },
      local,
    )
    for (const _round of [1, 2]) {
      const life = drive(rpc)
      const client = echoClient(await life.port())
      expect(await say(client, 'again')).toBe('again')
      await life.leave()
      client.close()
    }
    expect(servers.size).toBe(2)
  })

  test('waits for a setup that is asynchronous', async () => {
    const loaded = gate()
    const life = drive(
      grpc(
        'rpc',
        async (server, context) => {
          await loaded.opened
          echoing(server, context)
        },
        local,
      ),
    )
    expect(life.states.map(({ phase }) => phase)).toEqual(['starting'])
    loaded.open()
    const client = echoClient(await life.port())
    expect(await say(client, 'hello')).toBe('hello')
    client.close()
    await life.leave()
  })

  test('stopped during a setup that takes its time, it never listens', async () => {
    const loaded = gate()
    const life = drive(grpc('rpc', () => loaded.opened, local))
    life.tell('stop')
    loaded.open()
    expect(await life.ended()).toBeUndefined()
    expect(life.states.map(({ phase }) => phase)).toEqual(['starting', 'stopping', 'stopped'])
  })

  test('speaks TLS with credentials', async () => {
    const [certificate, privateKey] = [Buffer.from(cert), Buffer.from(key)]
    const credentials = ServerCredentials.createSsl(null, [{ cert_chain: certificate, private_key: privateKey }])
    const life = drive(grpc('rpc', echoing, { ...local, credentials }))
    const client = echoClient(await life.port(), named, ChannelCredentials.createSsl(certificate))
    expect(await say(client, 'secret')).toBe('secret')
    // One that has connected and says nothing is no reason to stay.
    const silent = await rawConnection(await life.port())
    await life.leave()
    await silent.closed
    client.close()
  })

  test('interceptors of the user still run', async () => {
    const paths: string[] = []
    const life = drive(
      grpc('rpc', echoing, {
        ...local,
        serverOptions: {
          interceptors: [
            ({ path }, call) => {
              paths.push(path)
              return new ServerInterceptingCall(call)
            },
          ],
        },
      }),
    )
    const client = echoClient(await life.port())
    expect(await say(client, 'hello')).toBe('hello')
    expect(paths).toEqual(['/test.Echo/Say'])
    client.close()
    await life.leave()
  })
})

describe('a start that fails', () => {
  const failing = async (setup: GrpcSetup, options: GrpcOptions) => {
    const life = drive(grpc('rpc', setup, options))
    return (await life.ended()) as ServiceError
  }

  test('names the port that is in use, and can be tried again', async () => {
    const { port, release } = await holdPort()
    const rpc = grpc('rpc', echoing, { port })
    const error = (await drive(rpc).ended()) as ServiceError
    expect(codeOf(error)).toBe('ERR_PORT_IN_USE')
    expect(error.message).toMatch(`service "rpc": can't listen on port ${port}: it is already in use;`)
    release()
    const life = drive(rpc)
    expect(await life.port()).toBe(port)
    await life.leave()
  })

  test('names a host that is not ours', async () => {
    const error = await failing(echoing, { host: '192.0.2.1' })
    expect(codeOf(error)).toBe('ERR_START_FAILED')
    expect(error.message).toMatch(/can't listen on 192\.0\.2\.1:0: .*; check host and port/)
  })

  test('says what a setup threw, or rejected with', async () => {
    for (const setup of [
      () => {
        throw new Error('no such proto')
      },
      () => Promise.reject(new Error('no such proto')),
    ]) {
      const error = await failing(setup, local)
      expect(codeOf(error)).toBe('ERR_START_FAILED')
      expect(error.message).toBe('service "rpc": start failed: no such proto')
    }
  })

  test('says what is wrong with credentials', async () => {
    const nonsense = Buffer.from('no certificate')
    const credentials = ServerCredentials.createSsl(null, [{ cert_chain: nonsense, private_key: nonsense }])
    const error = await failing(echoing, { ...local, credentials })
    expect(codeOf(error)).toBe('ERR_START_FAILED')
    expect(error.message).toMatch(/^service "rpc": can't use its credentials: .*; check the certificate and its key$/)
  })

  test('says what to do about a second health service', async () => {
    const { HealthImplementation } = await import('grpc-health-check')
    const own: GrpcSetup = server => new HealthImplementation({ '': 'SERVING' }).addToServer(server)
    const error = await failing(own, local)
    expect(error.message).toMatch(
      /"rpc": the setup adds a health service already; leave that out, or give `health: false`/,
    )
    const life = drive(grpc('rpc', own, { ...local, health: false }))
    const client = echoClient(await life.port())
    expect(await checkHealth(client)).toBe('SERVING')
    client.close()
    await life.leave()
  })
})

test('without `health` there is no health service', async () => {
  const life = drive(grpc('rpc', echoing, { ...local, health: false }))
  const client = echoClient(await life.port())
  expect(await checkHealth(client)).toBe(status.UNIMPLEMENTED)
  client.close()
  await life.leave()
})

describe('refused at once', () => {
  test.each<[string, unknown, object, RegExp]>([
    ['a server', new Server(), {}, /"rpc": give a function that adds services/],
    ['a port that is none', echoing, { port: 70_000 }, /"rpc": port must be an integer from 0 to 65535, got 70000/],
    ['an empty host', echoing, { host: '' }, /"rpc": host must be an address or a host name, got ""/],
    ['credentials of a client', echoing, { credentials: 'secret' }, /"rpc": credentials must be ServerCredentials/],
  ])('%s', (_, setup, options, message) => {
    const make = () => grpc('rpc', setup as GrpcSetup, options)
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'rpc' }))
  })
})
