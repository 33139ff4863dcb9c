import { FakeAmqplib } from '@onify/fake-amqplib'
import type { ChannelModel } from 'amqplib'
import { amqpConsumer } from 'rx-service-group/amqp'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { last, live } from './life.ts'

describe('reconnecting', () => {
  afterEach(() => void vi.useRealTimers())

  test('a broker that accepts and drops is not stormed; after ten good seconds a loss is the first again', async () => {
    vi.useFakeTimers()
    const broker = new FakeAmqplib()
    const connections: ChannelModel[] = []
    const times: number[] = []
    const connect = async (url: string) => {
      times.push(Date.now())
      const connection = await broker.connect(url)
      connections.push(connection)
      return connection
    }
    const life = live(amqpConsumer('orders', { url: 'amqp://inside', queue: 'orders', connect }, () => undefined))
    await vi.advanceTimersByTimeAsync(0)
    const waits: number[] = []
    const lose = async () => {
      const lostAt = Date.now()
      await connections.at(-1)?.close()
      expect(last(life)).toMatchObject({ phase: 'running', health: 'fail' })
      await vi.advanceTimersByTimeAsync(1000)
      expect(last(life)).toMatchObject({ phase: 'running', health: 'pass' })
      waits.push((times.at(-1) ?? 0) - lostAt)
    }
    for (let n = 0; n < 6; n++) await lose()
    await vi.advanceTimersByTimeAsync(10_000)
    await lose()

    const longest = [50, 100, 200, 400, 600, 600, 50]
    expect(waits.length).toBe(longest.length)
    for (const [n, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(longest[n]! / 2 - 1)
      expect(wait).toBeLessThanOrEqual(longest[n]!)
    }
    life.tell('stop')
    await vi.advanceTimersByTimeAsync(0)
    await life.over
    expect(vi.getTimerCount()).toBe(0)
    expect(broker.connections).toEqual([])
  })
})
