import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as fakeAmqplib from '@onify/fake-amqplib'
import type { ChannelModel } from 'amqplib'
import { service, serviceGroup } from 'rx-service-group'
import { amqpConnection, amqpConsumer } from 'rx-service-group/amqp'
import { grpc } from 'rx-service-group/grpc'
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ConsoleLine } from '../../src/core/console-lines.ts'
import { type Console, listenToConsole } from '../../src/process/console-lines.ts'
import { type EchoHandlers, echo, echoClient, say } from '../services/grpc/echo.ts'
import { TSX } from '../support/child.ts'

vi.setConfig({ testTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'console-lines-'))
const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a program to its end: a hash of its standard output, and the JSON that it has left. */
const runProgram = async (name: string, env: Readonly<Record<string, string>> = {}) => {
  const RESULT = join(folder, `${name}-${children.length}.json`)
  const program = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [...TSX, program], {
    env: { ...process.env, ...env, RESULT },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const hash = createHash('sha256')
  let errors = ''
  child.stdout.on('data', chunk => hash.update(chunk))
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const [code] = await once(child, 'close')
  expect([code, errors.includes('Error')]).toEqual([0, false])
  return { stdout: hash.digest('hex'), ...JSON.parse(readFileSync(RESULT, 'utf8')) }
}

/** Listens in this process. */
const listening = (group = 'shop') => {
  const heard: string[] = []
  const console = listenToConsole(group, (path, { from, text }) => heard.push(`${path} ${from}: ${text}`))
  onTestFinished(() => console.stop())
  return { ...console, heard }
}

const texts = (lines: readonly ConsoleLine[]) => lines.map(({ text }) => text)

describe('the lines of each service', () => {
  test('are those of its hooks, handlers, checks, runs, threads and processes, whoever prints at the same time', async () => {
    const { lines, restored } = await runProgram('printing')
    const talks = (name: string) => [
      ...[0, 1, 2].map(n => `stdout: ${name} starts ${n}`),
      `stdout: ${name} a moment later`,
      `stderr: ${name} stops`,
    ]
    const afar = ['stderr: and its errors', 'stdout: from afar']
    expect(lines['shop/a']).toEqual(talks('a'))
    expect(lines['shop/b']).toEqual(talks('b'))
    expect(lines['shop/workers/mailer']).toEqual(['stdout: mails'])
    // Two streams have no order. What passes a line on does not print it once more.
    for (const remote of ['child', 'thread', 'quiet']) expect(lines[`shop/${remote}`].toSorted()).toEqual(afar)
    expect(lines['shop/api']).toEqual(['stdout: asked', 'stdout: answered'])
    expect(lines['shop/adopted']).toEqual(['stdout: asked twice', 'stdout: upgraded', 'stdout: got a message'])
    expect(lines['shop/nightly']).toContain('stdout: night falls')
    expect(lines['shop/checked']).toContain('stderr: looked at')
    const told = new Set([
      ...['a', 'b', 'workers/mailer', 'child', 'thread', 'quiet', 'api', 'adopted', 'nightly', 'checked', 'pieces'],
    ])
    expect(new Set(Object.keys(lines))).toEqual(new Set([...told].map(name => `shop/${name}`)))
    expect(restored).toBe(true)
  })

  test('are whole, however they were written, and without what steers a terminal', async () => {
    const { lines } = await runProgram('printing')
    expect(lines['shop/pieces']).toEqual([
      'stdout: partial line',
      'stdout: and tw\u00f6 more',
      // Bytes that are no UTF-8.
      'stdout: caf\ufffd',
      ...['a', 'b', 'c', '', 'd'].map(text => `stdout: ${text}`),
      'stderr: red \\x07bell',
      `stderr: ${'x'.repeat(1_000)}…`,
      'stdout: without an end',
    ])
  })

  test('are known to a nested group by its own paths, and a group that a hook begins by itself has its own', async () => {
    const outer = listening('shop')
    const inner = listening('workers')
    const other = listening('other')
    const mailer = service('mailer', { start: () => void process.stdout.write('mails\n') })
    const begins = service('begins', {
      start: () =>
        serviceGroup('other')
          .add(service('x', { start: () => void process.stdout.write('inside\n') }))
          .start(),
    })
    await serviceGroup('shop').add(serviceGroup('workers').add(mailer)).add(begins).start()
    expect(outer.heard).toEqual(['shop/workers/mailer stdout: mails', 'shop/begins stdout: inside'])
    expect(inner.heard).toEqual(['workers/mailer stdout: mails'])
    expect(other.heard).toEqual(['other/x stdout: inside'])
  })

  test('are not those of listeners, nor of code outside any service', async () => {
    const { heard } = listening()
    const group = serviceGroup('shop').add(service('db', { start: ({ info }) => info({ port: 1 }) }))
    group.events$.subscribe(({ kind }) => process.stdout.write(`${kind}\n`))
    await group.start()
    process.stdout.write('outside\n')
    expect(heard).toEqual([])
  })
})

describe('handlers of the library', () => {
  test('print for their service: of messages, also over the connection of another one, and of calls', async () => {
    const broker = 'amqp://printing.test'
    const connect = () => fakeAmqplib.connect(broker) as unknown as Promise<ChannelModel>
    const connection = amqpConnection({ url: broker, connect })
    const channel = await (await fakeAmqplib.connect(broker)).createChannel()
    for (const queue of ['first', 'orders']) await channel.assertQueue(queue, {})
    const Say: EchoHandlers['Say'] = async (call, reply) => {
      await new Promise(setImmediate)
      process.stdout.write('called\n')
      reply(null, call.request)
    }
    const { heard } = listening()
    const group = serviceGroup('shop')
      .add(amqpConsumer('first', { connection, queue: 'first' }, () => undefined))
      .add(
        amqpConsumer('orders', { connection, queue: 'orders' }, async () => {
          await new Promise(setImmediate)
          process.stdout.write('got a message\n')
        }),
      )
      .add(grpc('rpc', server => server.addService(echo, { Say } as never), { host: '127.0.0.1' }))
    onTestFinished(() => group.stop().then(() => {}))
    await group.start()
    channel.sendToQueue('orders', Buffer.from('{}'))
    const client = echoClient(Number(group.status.service('shop/rpc')!.state.info?.['port']))
    await say(client, 'hello')
    client.close()
    await expect.poll(() => heard.toSorted()).toEqual(['shop/orders stdout: got a message', 'shop/rpc stdout: called'])
  })
})

describe('the streams', () => {
  test('are written the same bytes, answer the same and call back as often, and keep no more than the latest', async () => {
    const [without, listened] = [await runProgram('loud', { LISTEN: 'no' }), await runProgram('loud')]
    expect(listened.stdout).toBe(without.stdout)
    expect(listened.answers).toEqual(without.answers)
    expect(listened.answers.at(-1)).toBe('ERR_INVALID_ARG_TYPE')
    expect([listened.calledBack, without.calledBack]).toEqual([100_000, 100_000])
    expect([listened.wrapped, listened.restored, without.wrapped]).toEqual([true, true, false])
    const lines: readonly ConsoleLine[] = listened.lines
    expect(texts(lines)).toEqual(Array.from({ length: 500 }, (_, n) => `again ${99_500 + n}`))
    // All lines were counted, kept or not.
    expect(lines.at(-1)!.n).toBe(200_001)
  })

  test('stay as another one has wrapped them since, when nobody listens any more', async () => {
    const { stdout } = process
    const own = Object.getOwnPropertyDescriptor(stdout, 'write')
    onTestFinished(() => {
      if (own) Object.defineProperty(stdout, 'write', own)
      else Reflect.deleteProperty(stdout, 'write')
    })
    const seen: unknown[] = []
    const first = listening()
    const { write } = stdout
    stdout.write = ((...args: Parameters<typeof write>) => {
      seen.push(args[0])
      return write.apply(stdout, args)
    }) as typeof write
    const theirs = stdout.write
    first.stop()
    expect(stdout.write).toBe(theirs)
    const second = listening()
    await serviceGroup('shop')
      .add(service('db', { start: () => void stdout.write('still here\n') }))
      .start()
    second.stop()
    expect(stdout.write).toBe(theirs)
    expect([first.heard, second.heard, seen]).toEqual([[], ['shop/db stdout: still here'], ['still here\n']])
  })
})

describe('a line without an end', () => {
  test('is told after a second, and by no timer that keeps a process alive', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { heard, stop } = listening()
    await serviceGroup('shop')
      .add(service('db', { start: () => void process.stdout.write('connecting ...') }))
      .start()
    expect(heard).toEqual([])
    vi.advanceTimersByTime(2_000)
    expect(heard).toEqual(['shop/db stdout: connecting ...'])
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('a service that is forgotten takes its lines with it, and its next lines have higher numbers', async () => {
  const { rings, forget } = listening() as Console
  const group = serviceGroup('shop').add(service('db', { start: () => void process.stdout.write('up\n') }))
  await group.start()
  forget('shop/db')
  expect(rings.all()).toEqual([])
  await group.restart('db')
  expect(rings.of('shop/db')).toMatchObject([{ n: 2, text: 'up' }])
})
