import type { Channel, ConsumeMessage } from 'amqplib'
import { describe, expect, test } from 'vitest'
import { acknowledge, type Unacked } from '../../../src/services/amqp/consumer/acks.ts'

/** A channel that writes down what it is told. */
const recorded = () => {
  const told: string[] = []
  const tag = (message: ConsumeMessage) => message.fields.deliveryTag
  const channel = {
    ack: (message: ConsumeMessage, upTo: boolean) => void told.push(`${upTo ? 'all up to' : 'only'} ${tag(message)}`),
    nack: (message: ConsumeMessage, _: boolean, requeue: boolean) =>
      void told.push(`${requeue ? 'hand back' : 'reject'} ${tag(message)}`),
  } as unknown as Channel
  const acks = acknowledge(channel)
  const deliver = (count: number): Unacked[] => {
    const all = Array.from({ length: count }, (_, n) => ({
      message: { fields: { deliveryTag: n + 1 } } as ConsumeMessage,
      done: false,
    }))
    for (const one of all) acks.add(one)
    return all
  }
  return { told, acks, deliver }
}
const turn = () => new Promise(setImmediate)

describe('acknowledgements', () => {
  test('of one turn, with nothing undone before them, are one', async () => {
    const { told, acks, deliver } = recorded()
    const all = deliver(5)
    for (const n of [2, 0, 1]) acks.ack(all[n]!)
    expect(told).toEqual([])
    await turn()
    expect(told).toEqual(['all up to 3'])
  })

  test('behind one that takes long are told one by one, and never cover it', async () => {
    const { told, acks, deliver } = recorded()
    const all = deliver(4)
    for (const n of [1, 3]) acks.ack(all[n]!)
    await turn()
    expect(told).toEqual(['only 2', 'only 4'])
    for (const n of [0, 2]) acks.ack(all[n]!)
    await turn()
    expect(told).toEqual(['only 2', 'only 4', 'all up to 3'])
  })

  test('are told on either side of one that was handed back, whichever came first', async () => {
    const { told, acks, deliver } = recorded()
    const all = deliver(4)
    acks.ack(all[0]!)
    acks.nack(all[1]!, true)
    acks.ack(all[2]!)
    acks.nack(all[3]!, false)
    await turn()
    expect(told).toEqual(['hand back 2', 'reject 4', 'all up to 3'])
  })

  test('of the only one held is told at once', () => {
    const { told, acks, deliver } = recorded()
    acks.ack(deliver(1)[0]!)
    expect(told).toEqual(['only 1'])
  })

  test('are told at once when asked to, and never of a channel that is gone', async () => {
    const { told, acks, deliver } = recorded()
    const all = deliver(4)
    acks.ack(all[0]!)
    acks.flush()
    acks.ack(all[1]!)
    acks.close()
    acks.ack(all[2]!)
    acks.nack(all[3]!, true)
    await turn()
    expect(told).toEqual(['only 1'])
  })

  test('for what was handed back already do nothing', async () => {
    const { told, acks, deliver } = recorded()
    const [first] = deliver(2)
    acks.nack(first!, true)
    acks.ack(first!)
    acks.nack(first!, true)
    await turn()
    expect(told).toEqual(['hand back 1'])
  })
})
