import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { setTimeout as passed } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { credentials as ChannelCredentials, ServerCredentials, ServerInterceptingCall, status } from '@grpc/grpc-js'
import type { Service } from 'rx-service-group'
import { type GrpcOptions, type GrpcSetupContext, grpc } from 'rx-service-group/grpc'
import { describe, expect, test } from 'vitest'
import { drive, gate, rawConnection, refuses } from '../http/driver.ts'
import { chat, collect, type EchoHandlers, echo, echoClient, repeat, say } from './echo.ts'
import { checkHealth, watchHealth } from './health-client.ts'
import { cert, key, named } from './localhost.ts'

const serving = (handlers: EchoHandlers | ((context: GrpcSetupContext) => EchoHandlers), options: GrpcOptions = {}) =>
  grpc(
    'rpc',
    (server, context) => {
      const implementation = typeof handlers === 'function' ? handlers(context) : handlers
      server.addService(echo, implementation as Parameters<typeof server.addService>[1])
    },
    { host: '127.0.0.1', ...options },
  )

/** A running service, and a client that is connected. */
const serve = async (service: Service) => {
  const life = drive(service)
  const port = await life.port()
  const client = echoClient(port)
  await new Promise<void>((resolve, reject) =>
    client.waitForReady(Date.now() + 10_000, error => (error ? reject(error) : resolve())),
  )
  const pending = () => life.states.flatMap(state => (state.phase === 'draining' ? (state.pending ?? []) : []))
  return { life, port, client, pending }
}

/** A handler that waits at a gate, and tells when it was called. */
const waiting = () => {
  const came = gate()
  const go = gate()
  const Say: EchoHandlers['Say'] = async (call, reply) => {
    came.open()
    await go.opened
    reply(null, call.request)
  }
  return { came: came.opened, go: go.open, Say }
}

describe('the health', () => {
  test('is SERVING once it runs, and NOT_SERVING at unready while everything is still served', async () => {
    const { life, client } = await serve(serving({ Say: (call, reply) => reply(null, call.request) }))
    expect(await checkHealth(client)).toBe('SERVING')
    expect(await checkHealth(client, 'test.Echo')).toBe('SERVING')
    expect(await checkHealth(client, 'test.Nobody')).toBe(status.NOT_FOUND)
    life.tell('unready')
    expect(await checkHealth(client)).toBe('NOT_SERVING')
    expect(await checkHealth(client, 'test.Echo')).toBe('NOT_SERVING')
    expect(await say(client, 'still here')).toBe('still here')
    await life.leave()
    client.close()
  })

  test('is told to who watches it, whose streams end at drain and hold up nothing', async () => {
    const { life, client, pending } = await serve(serving({}))
    const watches = [watchHealth(client), watchHealth(client, 'test.Echo')]
    await Promise.all(watches.map(({ first }) => first))
    life.tell('unready')
    await expect.poll(() => watches.map(({ said }) => said.at(-1))).toEqual(['NOT_SERVING', 'NOT_SERVING'])
    life.tell('drain')
    await life.until('drained')
    for (const { said, end } of watches) {
      expect(await end).toBe(status.UNAVAILABLE)
      expect(said).toEqual(['SERVING', 'NOT_SERVING'])
    }
    expect(pending()).toEqual([])
    await life.leave()
    client.close()
  })

  test('is told to who watches it also when unready and drain come at once', async () => {
    const { life, client } = await serve(serving({}))
    const { said, first, end } = watchHealth(client)
    await first
    life.tell('drain')
    expect(await end).toBe(status.UNAVAILABLE)
    expect(said).toEqual(['SERVING', 'NOT_SERVING'])
    await life.leave()
    client.close()
  })
})

describe('drain', () => {
  test('finishes a unary call under way, and a new one gets UNAVAILABLE without a handler having seen it', async () => {
    const { came, go, Say } = waiting()
    const seen: string[] = []
    const { life, port, client, pending } = await serve(
      serving({
        Say: (call, reply) => {
          seen.push(call.request)
          Say(call, reply)
        },
      }),
    )
    const answer = say(client, 'under way')
    await came
    life.tell('drain')
    expect(await refuses(port)).toBe(true)
    expect(await say(client, 'too late')).toBe(status.UNAVAILABLE)
    const late = echoClient(port)
    expect(await say(late, 'later')).toBe(status.UNAVAILABLE)
    expect(life.states.at(-1)?.phase).toBe('draining')
    go()
    expect(await answer).toBe('under way')
    await life.leave()
    expect(seen).toEqual(['under way'])
    expect(pending()).toEqual([1, 0])
    expect((await life.until('stopped')).info).not.toHaveProperty('cut')
    client.close()
    late.close()
  })

  test('finishes streams of every kind', async () => {
    const began = gate()
    const go = gate()
    const { life, client, pending } = await serve(
      serving({
        Repeat: async call => {
          call.write(call.request)
          await go.opened
          call.write(call.request)
          call.end()
        },
        Collect: (call, reply) => {
          const texts: string[] = []
          call
            .on('data', text => {
              texts.push(text)
              began.open()
            })
            .on('end', () => reply(null, texts.join()))
        },
        Chat: call => {
          call.on('data', text => call.write(text.toUpperCase())).on('end', () => call.end())
        },
      }),
    )
    const repeated = repeat(client, 'again')
    const talk = chat(client)
    const collected = collect(client)
    talk.send('one')
    collected.send('one')
    await Promise.all([repeated.first, talk.first, began.opened])
    life.tell('drain')
    await life.until(() => pending()[0] === 3)
    talk.send('two')
    talk.finish()
    collected.send('two')
    collected.finish()
    go.open()
    expect(await talk.end).toBe(0)
    expect(talk.texts).toEqual(['ONE', 'TWO'])
    expect(await collected.answer).toBe('one,two')
    expect(await repeated.end).toBe(0)
    expect(repeated.texts).toEqual(['again', 'again'])
    await life.leave()
    expect(pending()).toEqual([3, 2, 1, 0])
    client.close()
  })

  test('an endless stream ends when its handler heeds the `draining` signal', async () => {
    const { life, client } = await serve(
      serving(({ draining }) => ({
        Repeat: call => {
          call.write(call.request)
          draining.addEventListener('abort', () => call.end())
        },
      })),
    )
    const warnings: Error[] = []
    const warned = (warning: Error) => warnings.push(warning)
    process.on('warning', warned)
    const feeds = Array.from({ length: 20 }, () => repeat(client, 'news'))
    await Promise.all(feeds.map(({ first }) => first))
    await life.leave()
    expect(await Promise.all(feeds.map(({ end }) => end))).toEqual(feeds.map(() => 0))
    process.off('warning', warned)
    expect(warnings).toEqual([])
    client.close()
  })

  test('a call that its client gives up is no longer waited for', async () => {
    const came = gate()
    const { life, client, pending } = await serve(serving({ Say: () => came.open() }))
    const answer = say(client, 'never mind', 200)
    await came.opened
    life.tell('drain')
    expect(await answer).toBe(status.DEADLINE_EXCEEDED)
    await life.leave()
    expect(pending()).toEqual([1, 0])
    client.close()
  })

  test('an idle channel does not hold it up', async () => {
    const { life, client } = await serve(serving({}))
    expect(await life.leave()).toBeLessThan(900)
    client.close()
  })

  test('nor does a connection on which nothing was ever said', async () => {
    const life = drive(serving({}))
    const { closed } = await rawConnection(await life.port())
    expect(await life.leave()).toBeLessThan(900)
    await closed
  })

  test('a client that never closes its end of an idle connection is waited for a second', async () => {
    const life = drive(serving({}))
    const { socket } = await rawConnection(await life.port())
    socket.allowHalfOpen = true
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    socket.write(Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0))
    await once(socket, 'data')
    expect(await life.leave()).toBeGreaterThan(900)
    expect((await life.until('stopped')).info).not.toHaveProperty('cut')
    socket.destroy()
  })

  test('a call that an interceptor holds or turns away is followed to its end too', async () => {
    const asked = gate()
    const go = gate()
    const { life, client, pending } = await serve(
      serving(
        { Say: (call, reply) => reply(null, call.request) },
        {
          serverOptions: {
            interceptors: [
              ({ path }, call) => {
                const held = path === '/test.Echo/Say'
                return new ServerInterceptingCall(call, {
                  start: async next => {
                    if (!held) return call.sendStatus({ code: status.PERMISSION_DENIED, details: 'no' })
                    asked.open()
                    await go.opened
                    next()
                  },
                })
              },
            ],
          },
        },
      ),
    )
    expect(await repeat(client, 'denied').end).toBe(status.PERMISSION_DENIED)
    const gaveUp = say(client, 'gave up', 100)
    const patient = say(client, 'patient')
    await asked.opened
    expect(await gaveUp).toBe(status.DEADLINE_EXCEEDED)
    life.tell('drain')
    await life.until(() => pending().length > 0)
    // Until the server has heard of it, too.
    await passed(200)
    go.open()
    expect(await patient).toBe('patient')
    await life.leave()
    expect(pending().at(-1)).toBe(0)
    expect((await life.until('stopped')).info).not.toHaveProperty('cut')
    client.close()
  })

  test('a call on a connection that was still being made gets UNAVAILABLE too, before a handler sees it', async () => {
    const seen: string[] = []
    const { came, go, Say } = waiting()
    const [cert_chain, private_key] = [Buffer.from(cert), Buffer.from(key)]
    const credentials = ServerCredentials.createSsl(null, [{ cert_chain, private_key }])
    const life = drive(
      serving(
        {
          Say: (call, reply) => {
            seen.push(call.request)
            Say(call, reply)
          },
        },
        { credentials },
      ),
    )
    const port = await life.port()
    const client = echoClient(port, named, ChannelCredentials.createSsl(cert_chain))
    const answer = say(client, 'under way')
    await came
    const socket = connectTcp({ host: '127.0.0.1', port })
    await once(socket, 'connect')
    // Accepted, too.
    await passed(50)
    life.tell('drain')
    expect(await refuses(port)).toBe(true)
    const session = connectHttp2('https://localhost', {
      createConnection: () => connectTls({ socket, ALPNProtocols: ['h2'], rejectUnauthorized: false }),
    })
    const late = session.request({ ':method': 'POST', ':path': '/test.Echo/Say', 'content-type': 'application/grpc' })
    const [headers] = await once(late, 'response')
    expect(headers).toMatchObject({ 'grpc-status': String(status.UNAVAILABLE) })
    go()
    expect(await answer).toBe('under way')
    await life.leave()
    expect(seen).toEqual(['under way'])
    session.destroy()
    client.close()
  })

  test('a large answer to a client that lags behind arrives whole', async () => {
    const text = 'x'.repeat(64_000)
    const { life, client } = await serve(
      serving({
        Repeat: call => {
          for (let n = 0; n < 100; n++) call.write(text)
          call.end()
        },
      }),
    )
    const { texts, first, end, pause, resume } = repeat(client, 'much')
    await first
    pause()
    life.tell('drain')
    // Longer than a connection has once all is answered.
    await passed(1_200)
    expect(life.states.at(-1)).toMatchObject({ phase: 'draining', pending: 1 })
    resume()
    expect(await end).toBe(0)
    expect(texts).toHaveLength(100)
    await life.leave()
    client.close()
  })
})

describe('what is left', () => {
  const stuck = async () => {
    const all = gate()
    let came = 0
    const cancelled: string[] = []
    const onCall = (call: { request?: string; on(event: 'cancelled', listener: () => void): unknown }) => {
      if (++came === 3) all.open()
      call.on('cancelled', () => cancelled.push(call.request ?? 'a chat'))
    }
    const served = await serve(serving({ Say: onCall, Chat: onCall }))
    const answers = [say(served.client, 'one'), say(served.client, 'two'), chat(served.client).end]
    await all.opened
    return { ...served, answers, cancelled }
  }

  test('when the drain has run out of its time gets UNAVAILABLE, is counted and named with its age', async () => {
    const { life, client, pending, answers, cancelled } = await stuck()
    life.tell('drain')
    await life.until(() => pending().includes(3))
    life.tell('stop')
    const { info, how } = await life.until('stopped')
    expect(how).toBe('stopped')
    expect(info).toMatchObject({
      cut: 3,
      cutWork: expect.stringMatching(
        /^\/test\.Echo\/Say \(2, up to [\d.,]+ m?s\), \/test\.Echo\/Chat \([\d.,]+ m?s\)$/,
      ),
    })
    expect(info).not.toHaveProperty('abandoned')
    expect(await Promise.all(answers)).toEqual([14, 14, 14])
    expect(cancelled.toSorted()).toEqual(['a chat', 'one', 'two'])
    expect(await life.ended()).toBeUndefined()
    client.close()
  })

  test.each(['running', 'draining', 'stopping'])('is cut by force while %s', async phase => {
    const { life, client, answers } = await stuck()
    if (phase !== 'running') life.tell(phase === 'draining' ? 'drain' : 'stop')
    life.tell('force')
    const { info, how } = await life.until('stopped')
    expect(how).toBe('forced')
    expect(info).toMatchObject({ cut: 3 })
    expect(info).not.toHaveProperty('abandoned')
    expect(await Promise.all(answers)).toEqual([14, 14, 14])
    client.close()
  })

  test('is let go of when the listener of the states has left', async () => {
    const { life, port, client, answers } = await stuck()
    life.abandon()
    expect(await Promise.all(answers)).not.toContain('one')
    expect(await refuses(port)).toBe(true)
    client.close()
  })
})

test('a second drain and a second stop change nothing', async () => {
  const { came, go, Say } = waiting()
  const { life, client } = await serve(serving({ Say }))
  const answer = say(client, 'once')
  await came
  for (const step of ['drain', 'drain'] as const) life.tell(step)
  await passed(20)
  go()
  expect(await answer).toBe('once')
  await life.until('drained')
  for (const step of ['stop', 'stop', 'force'] as const) life.tell(step)
  expect(await life.ended()).toBeUndefined()
  expect(life.states.filter(({ phase }) => phase === 'stopped')).toHaveLength(1)
  client.close()
})
