import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { credentials, type sendUnaryData, status } from '@grpc/grpc-js'
import type { ServiceState } from 'rx-service-group'
import { type GrpcOptions, grpc } from 'rx-service-group/grpc'
import { afterEach, describe, expect, test } from 'vitest'
import { drive } from '../http/driver.ts'
import { chat, collect, type EchoHandlers, echo, echoClient, repeat, say } from './echo.ts'
import { checkHealth, watchHealth } from './health-client.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const NAMES = ['inFlight', 'handled', 'failed', 'aborted'] as const
type Figures = Partial<Record<(typeof NAMES)[number], number>>

const figuresOf = ({ info }: ServiceState): Figures =>
  Object.fromEntries(NAMES.flatMap(name => (info?.[name] === undefined ? [] : [[name, info[name]]])))

/** A server that runs, and a client for it. */
const serving = async (handlers: EchoHandlers, options: GrpcOptions = {}) => {
  const life = drive(
    grpc('rpc', server => server.addService(echo, handlers as Parameters<typeof server.addService>[1]), {
      host: '127.0.0.1',
      ...options,
    }),
  )
  const port = await life.port()
  const client = echoClient(port, {}, credentials.createInsecure())
  ends.push(
    () => client.close(),
    () => life.leave().catch(() => {}),
  )
  return {
    life,
    port,
    client,
    told: () => life.states.map(figuresOf),
    until: (figures: Figures) =>
      life.until(state => JSON.stringify(figuresOf(state)) === JSON.stringify(figures), JSON.stringify(figures)),
    end: async () => {
      await life.leave()
      return figuresOf(life.states.at(-1)!)
    },
  }
}

/** Of the states of a start: starting, starting with its address, running. */
const QUIET: readonly Figures[] = [{}, {}, {}]

describe('the figures of a gRPC server', () => {
  test('are told once after a rush of calls, and not at all while it is idle', async () => {
    const { client, told, until, end } = await serving({ Say: (call, reply) => reply(null, call.request) })
    expect(told()).toEqual(QUIET)
    for (let n = 0; n < 20; n++) await say(client, 'hello')
    await until({ inFlight: 0, handled: 20 })
    expect(told()).toEqual([...QUIET, { inFlight: 0, handled: 20 }])
    expect(await end()).toEqual({ inFlight: 0, handled: 20 })
  })

  test('count a call of each kind, however it streams', async () => {
    const open: (() => void)[] = []
    const { client, until, end } = await serving({
      Say: (call, reply) => void open.push(() => reply(null, call.request)),
      Collect: (call, reply) => void call.on('data', () => {}).on('end', () => reply(null, 'all')),
      Repeat: call => {
        call.write('one')
        open.push(() => call.end())
      },
      Chat: call => void call.on('data', text => call.write(text)).on('end', () => call.end()),
    })
    const said = say(client, 'one')
    const [collected, repeated, talk] = [collect(client), repeat(client, 'two'), chat(client)]
    talk.send('three')
    collected.send('four')
    await until({ inFlight: 4, handled: 0 })
    for (const go of open) go()
    talk.finish()
    collected.finish()
    expect(await Promise.all([said, collected.answer, repeated.end, talk.end])).toEqual(['one', 'all', 0, 0])
    await until({ inFlight: 0, handled: 4 })
    expect(await end()).toEqual({ inFlight: 0, handled: 4 })
  })

  test('count the codes that are faults of the server as failed, too, and those of clients not', async () => {
    const codes = Object.values(status).filter(code => typeof code === 'number')
    const { client, end } = await serving({
      Say: (call, reply: sendUnaryData<string>) => {
        const code = Number(call.request)
        if (code === status.OK) reply(null, 'well')
        else reply({ code, details: 'no' })
      },
    })
    for (const code of codes) expect(await say(client, `${code}`)).toBe(code === 0 ? 'well' : code)
    const faults = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']
    expect(await end()).toEqual({ inFlight: 0, handled: codes.length, failed: faults.length })
  })

  test('count a method that is not there, and a handler that throws, as failed', async () => {
    const { client, end } = await serving({
      Say: () => {
        throw new Error('no stock')
      },
    })
    expect(await say(client, 'hello')).toBe(status.UNKNOWN)
    expect(await repeat(client, 'hello').end).toBe(status.UNIMPLEMENTED)
    expect(await end()).toEqual({ inFlight: 0, handled: 2, failed: 2 })
  })

  test('count calls whose deadline passes, that are cancelled, or whose connection is lost, as aborted', async () => {
    const { client, port, until, end } = await serving({ Say: () => {}, Repeat: call => void call.write('one') })
    expect(await say(client, 'hello', 300)).toBe(status.DEADLINE_EXCEEDED)
    await until({ inFlight: 0, handled: 0, aborted: 1 })

    const { path, requestSerialize, responseDeserialize } = echo.Repeat
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, 'hello')
    stream.on('error', () => {})
    await once(stream, 'data')
    await until({ inFlight: 1, handled: 0, aborted: 1 })
    stream.cancel()
    await until({ inFlight: 0, handled: 0, aborted: 2 })

    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
    const lost = session.request(headers)
    lost.on('error', () => {}).end(Buffer.of(0, 0, 0, 0, 1, 0x78))
    await once(lost, 'data')
    session.destroy()
    await until({ inFlight: 0, handled: 0, aborted: 3 })
    expect(await end()).toEqual({ inFlight: 0, handled: 0, aborted: 3 })
  })

  test('count a check of the health, and no watch of it', async () => {
    const { client, end, told } = await serving({})
    const watch = watchHealth(client)
    await watch.first
    expect(told()).toEqual(QUIET)
    await checkHealth(client)
    expect(await end()).toEqual({ inFlight: 0, handled: 1 })
    expect(await watch.end).toBe(status.UNAVAILABLE)
  })

  test('agree with what is pending in each state of a drain, and leave out what is refused', async () => {
    const open: (() => void)[] = []
    const { life, client, until, end } = await serving({
      Say: (call, reply) => void open.push(() => reply(null, call.request)),
    })
    const answers = [say(client, 'one'), say(client, 'two')]
    await until({ inFlight: 2, handled: 0 })
    life.tell('drain')
    expect(await say(client, 'too late')).toBe(status.UNAVAILABLE)
    for (const go of open) {
      go()
      const { length } = life.states
      await life.until(() => life.states.length > length, 'another state')
    }
    await Promise.all(answers)
    expect(await end()).toEqual({ inFlight: 0, handled: 2 })
    const drained = life.states.filter(({ phase }) => phase === 'draining')
    expect(drained.slice(1).map(state => [(state as { pending?: number }).pending, figuresOf(state)])).toEqual([
      [2, { inFlight: 2, handled: 0 }],
      [1, { inFlight: 1, handled: 1 }],
      [0, { inFlight: 0, handled: 2 }],
    ])
  })

  test('count what is cut neither as handled nor as aborted', async () => {
    const { life, client, until } = await serving({ Say: () => {} })
    const answers = [say(client, 'one'), say(client, 'two')]
    await until({ inFlight: 2, handled: 0 })
    life.tell('force')
    await life.gone()
    expect(await Promise.all(answers)).toEqual([status.UNAVAILABLE, status.UNAVAILABLE])
    expect(life.states.at(-1)).toMatchObject({ phase: 'stopped', info: { cut: 2, inFlight: 0, handled: 0 } })
    expect(life.states.at(-1)!.info).not.toHaveProperty('aborted')
  })
})
