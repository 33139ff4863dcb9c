import { basename } from 'node:path'
import { connect } from 'amqplib'
import { afterAll, expect, test } from 'vitest'
import { useBroker } from '../support/broker.ts'
import { OURS, peers, READY_PATH } from './contenders.ts'
import { consume, type End } from './lives.ts'
import { writePrograms } from './programs.ts'
import { CONSUMER, STREAM } from './scenes.ts'
import { cellsOf } from './table.ts'

const broker = useBroker()
const programs = writePrograms()
afterAll(() => programs.remove())

interface Consumed extends End {
  readonly begun: number
  readonly left: number
}

const ORDERS = 20

/** Gives a program more orders than it can hold, and ends it. */
const consumed = async (own: string): Promise<Consumed> => {
  const program = { file: programs.own(own), readyPath: READY_PATH }
  const connection = await connect(broker.url)
  const channel = await connection.createConfirmChannel()
  const queue = `orders-${basename(program.file, '.js')}`
  await channel.assertQueue(queue)
  for (let i = 0; i < ORDERS; i++) channel.sendToQueue(queue, Buffer.from(`${i}`))
  await channel.waitForConfirms()
  const end = await consume(program, broker.url, queue)
  const { messageCount } = await channel.checkQueue(queue)
  await connection.close()
  return { ...end, begun: end.output.split('an order\n').length - 1, left: messageCount }
}

/** All that was begun is gone from the queue, and all else is in it. */
const drains = ({ hung, begun, left }: Consumed): boolean => !hung && begun >= 3 && begun + left === ORDERS

test(`a table row: ${CONSUMER}`, async () => {
  const judged = [{ name: OURS, own: OURS, how: 'yes' }, ...peers.map(peer => ({ ...peer, how: 'own code' }))].map(
    async ({ name, own, how }) => [name, drains(await consumed(own)) ? how : 'no'] as const,
  )
  expect(cellsOf(CONSUMER)).toEqual(Object.fromEntries(await Promise.all(judged)))
}, 120_000)

test(`a table row: ${STREAM}`, async () => {
  const { output } = await consumed(OURS)
  const phases = Array.from(output.matchAll(/^status: orders (\w+)$/gm), ([, phase]) => phase)
  const told = phases.filter((phase, i) => phase !== phases[i - 1])
  expect(told).toEqual(['idle', 'starting', 'running', 'draining', 'drained', 'stopping', 'stopped'])
  // The page says that there is nothing to run for the others.
  const others = peers.map(({ name }) => [name, 'no'])
  expect(cellsOf(STREAM)).toEqual({ [OURS]: 'yes', ...Object.fromEntries(others) })
}, 60_000)
