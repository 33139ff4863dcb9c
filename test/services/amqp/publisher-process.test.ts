import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Child, startProgram } from '../../support/child.ts'
import { afterRepeats } from '../../support/processes.ts'
import { type Bystander, bystander, numbers, queueName } from './life.ts'

const program = new URL('./relay-process.ts', import.meta.url)

describe('a consumer and the publisher it publishes with, in a process of their own', () => {
  const broker = useBroker({ alone: true })
  let other: Bystander
  let [from, to] = ['', '']
  beforeEach(async () => {
    other = await bystander(broker.url)
    ;[from, to] = [queueName(), queueName()]
    await other.declare(from)
    await other.declare(to)
  })
  afterEach(async () => {
    await other.close()
    const last = await bystander(broker.url)
    await last.deleteQueue(from)
    await last.deleteQueue(to)
    await last.close()
  })

  const takeAll = async (queue: string): Promise<string[]> => {
    const bodies: string[] = []
    for (let next = await other.take(queue); next; next = await other.take(queue)) bodies.push(next.body)
    return bodies
  }
  const start = (stopTimeout = 10_000): Child => startProgram(program, {}, [broker.url, from, to, String(stopTimeout)])

  test('SIGTERM amid a thousand messages: what was taken is published, nothing is lost and nothing comes twice', async () => {
    await other.publish(from, numbers(1000))
    const relay = start()
    await relay.says(/taken 300\n/)
    relay.kill('SIGTERM')
    const { code, output } = await relay.ended
    expect(code).toBe(0)
    expect(output.trim().split('\n').at(-1)).toBe('stopped')
    const [left, relayed] = [await takeAll(from), await takeAll(to)]
    expect(relayed.length).toBeGreaterThanOrEqual(200)
    expect([...left, ...relayed].sort()).toEqual(numbers(1000).sort())
  }, 30_000)

  test('SIGTERM while the broker is blocked: it ends at its deadline, says how many are unconfirmed, and nothing is lost', async ({
    skip,
  }) => {
    if (!brokerIsOurs) skip('AMQP_URL is set')
    await other.publish(from, numbers(50))
    await broker.faults.block()
    onTestFinished(() => broker.faults.unblock())
    const relay = start(400)
    await relay.says(/taken 50\n/)
    relay.kill('SIGTERM')
    const { code, output, took } = await relay.ended
    await broker.faults.unblock()
    expect(code).toBe(1)
    expect(took).toBeLessThan(4000)
    expect(output).toMatch(/"how":"forced",.*"unconfirmed":50/)
    const bodies = [...(await takeAll(from)), ...(await takeAll(to))]
    expect([...new Set(bodies)].sort()).toEqual(numbers(50).sort())
  }, 30_000)

  test('a second signal while the broker is frozen: it is gone, and nothing keeps it alive', async ({ skip }) => {
    if (!brokerIsOurs) skip('AMQP_URL is set')
    const relay = start()
    await relay.says('both run')
    await broker.faults.freeze()
    relay.kill('SIGTERM')
    await relay.says('"leaving"')
    await afterRepeats()
    relay.kill('SIGINT')
    const { code, output, took } = await relay.ended
    await broker.faults.thaw()
    expect(code).toBe(130)
    expect(took).toBeLessThan(2000)
    expect(output.trim().split('\n').at(-1)).toBe('forced')
  }, 30_000)
})
