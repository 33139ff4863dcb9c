import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, queueName } from './life.ts'

const program = fileURLToPath(new URL('./poison-process.ts', import.meta.url))
const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

test.each(['classic', 'quorum'])(
  'a message that kills its process is another attempt each time, and parked at the limit, on a %s queue',
  async type => {
    const queue = queueName()
    const channel = await other.connection.createConfirmChannel()
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } })
    await other.send('', queue, 'poison', { persistent: true })
    const lines: string[] = []
    const life = async (): Promise<void> => {
      const child = spawn(process.execPath, ['--import', 'tsx', program, broker.url, queue, type], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      createInterface(child.stdout).on('line', line => {
        lines.push(line)
        if (line === 'parked') child.kill('SIGKILL')
      })
      await once(child, 'close')
    }
    for (let lives = 0; lives < 6 && !lines.includes('parked'); lives++) await life()
    expect(lines).toEqual(['poison 1', 'poison 2', 'poison 3', 'parked'])
    const { properties } = await other.next(`${queue}.parked`)
    expect(properties.headers).toMatchObject({
      'x-parked-attempts': 4,
      'x-parked-reason': expect.stringMatching(/was delivered 3 times before and never settled/),
    })
    expect(await other.take(queue)).toBe(undefined)
  },
  30_000,
)
