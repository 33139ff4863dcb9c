import * as fakeAmqplib from '@onify/fake-amqplib'
import type { ChannelModel } from 'amqplib'
import { type Report, type Service, serviceGroup } from 'rx-service-group'
import { amqpConnection, amqpConsumer } from 'rx-service-group/amqp'
import { grpc } from 'rx-service-group/grpc'
import { schedule } from 'rx-service-group/schedule'
import { recordTrace, virtualTime } from 'rx-service-group/testing'
import { expect, test } from 'vitest'
import { type EchoHandlers, echo, echoClient, say } from './grpc/echo.ts'

/** What a hook has set going would wait this long before it is taken to hold up its service, in milliseconds. */
const QUIET = 500

test('X7 the handler of a message that awaits stop() goes on, also over a connection that another service opened', async () => {
  const connection = amqpConnection({
    url: 'amqp://inside.test',
    connect: () => fakeAmqplib.connect('amqp://inside.test') as unknown as Promise<ChannelModel>,
  })
  const channel = await (await fakeAmqplib.connect('amqp://inside.test')).createChannel()
  await channel.assertQueue('first', {})
  await channel.assertQueue('orders', {})
  const got: Report[] = []
  const group = serviceGroup('shop')
    .add(amqpConsumer('first', { connection, queue: 'first' }, () => undefined))
    .add(
      amqpConsumer('orders', { connection, queue: 'orders' }, async () => {
        got.push(await group.stop('the last order'))
      }),
    )
  await group.start()
  channel.sendToQueue('orders', Buffer.from('{}'))
  await expect
    .poll(() => got)
    .toMatchObject([{ ok: true, outcome: 'still there', trigger: { message: 'the last order' } }])
  const report = await group.stop()
  expect(report).toMatchObject({ ok: true, services: [{}, { info: { handled: 1 } }] })
  expect(report.stopTook).toBeLessThan(QUIET)
})

test('X7 the handler of a call that awaits stop() is answered', async () => {
  const got: Report[] = []
  let took = Infinity
  const Say: EchoHandlers['Say'] = async (call, reply) => {
    const begun = performance.now()
    got.push(await group.stop('asked by an admin'))
    took = performance.now() - begun
    reply(null, call.request)
  }
  const rpc: Service = grpc('rpc', server => server.addService(echo, { Say } as never), { host: '127.0.0.1' })
  const group = serviceGroup('shop').add(rpc)
  await group.start()
  const client = echoClient(Number(group.status.service('shop/rpc')!.state.info?.['port']))
  expect(await say(client, 'stop')).toBe('stop')
  client.close()
  expect(took).toBeLessThan(QUIET)
  expect(got).toMatchObject([{ ok: true, outcome: 'still there' }])
  expect(await group.stop()).toMatchObject({ ok: true })
})

test('X7 a run of a schedule that awaits stop() ends, and so does the schedule', async () => {
  const time = virtualTime()
  const got: Report[] = []
  const group = serviceGroup('shop', { clock: time }).add(
    schedule(
      'nightly',
      '* * * * * *',
      async () => {
        got.push(await group.stop('enough'))
      },
      { clock: time },
    ),
  )
  await group.start()
  const trace = recordTrace(group)
  await time.advance(1_000)
  expect(got).toMatchObject([{ ok: true, outcome: 'still there' }])
  expect(await group.stop()).toMatchObject({ ok: true, stopTook: 0 })
  expect(trace.lines.at(-1)).toBe('shop stopped')
})
