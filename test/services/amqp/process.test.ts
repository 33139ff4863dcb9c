import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { afterRepeats } from '../../support/processes.ts'
import { type Bystander, bystander, numbers, promised, queueName } from './life.ts'

const program = fileURLToPath(new URL('./consumer-process.ts', import.meta.url))

/** The consumer as a process of its own: what it says, and when it has said `count` lines like this. */
const start = (url: string, queue: string, prefetch: number) => {
  const child = spawn(process.execPath, ['--import', 'tsx', program, url, queue, String(prefetch)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  let check = () => {}
  createInterface(child.stdout).on('line', line => {
    lines.push(line)
    check()
  })
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal, at: performance.now() }))
  const said = (line: RegExp, count = 1): Promise<void> => {
    const { promise, resolve, reject } = promised()
    check = () => {
      if (lines.filter(it => line.test(it)).length >= count) resolve()
    }
    check()
    exit.then(() => reject(new Error(`it ended and said ${lines.slice(-5).join(', ')}`)))
    return promise
  }
  const handled = () => lines.filter(line => line.startsWith('handled ')).map(line => line.slice('handled '.length))
  return { child, lines, exit, said, handled }
}

describe('a consumer in a process of its own', () => {
  const broker = useBroker({ alone: true })
  let other: Bystander
  beforeAll(async () => {
    other = await bystander(broker.url)
  })
  afterAll(() => other?.close())

  for (const prefetch of [1, 10, 200])
    test(`SIGTERM amid a thousand messages, prefetch ${prefetch}: none is lost, none handled twice, and it exits`, async () => {
      const queue = queueName()
      await other.publish(queue, numbers(1000))
      const consumer = start(broker.url, queue, prefetch)
      await consumer.said(/^handled/, 250)
      consumer.child.kill('SIGTERM')
      expect(await consumer.exit).toMatchObject({ code: 0, signal: null })

      const rest: string[] = []
      for (let next = await other.take(queue); next; next = await other.take(queue)) rest.push(next.body)
      expect(consumer.lines.at(-1)).toBe('stopped')
      expect(consumer.handled().length).toBeGreaterThanOrEqual(250)
      expect([...consumer.handled(), ...rest].sort()).toEqual(numbers(1000).sort())
      await other.deleteQueue(queue)
    }, 20_000)

  test('nothing keeps it alive after a forced end, though its broker is frozen', async ({ skip }) => {
    if (!brokerIsOurs) skip('AMQP_URL is set')
    const queue = queueName()
    const consumer = start(broker.url, queue, 1)
    await consumer.said(/^running$/)
    await broker.faults.freeze()
    consumer.child.kill('SIGTERM')
    await consumer.said(/^draining$/)
    await afterRepeats()
    const at = performance.now()
    consumer.child.kill('SIGINT')
    const exit = await consumer.exit
    expect(exit.at - at).toBeLessThan(2000)
    expect(exit).toMatchObject({ code: 130, signal: null })
    expect(consumer.lines.at(-1)).toBe('forced')
    await broker.faults.thaw()
    await other.deleteQueue(queue)
  }, 20_000)
})
