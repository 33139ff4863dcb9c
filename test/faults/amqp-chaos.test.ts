import { describe, expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../support/broker.ts'
import { complaints, report } from './chaos/report.ts'
import { chaos } from './chaos/run.ts'

/** Another test may have the processor, while a process ends. */
const SLACK = 2000

describe.each([
  ['classic', undefined],
  ['quorum', 20],
] as const)('messages through a %s queue, while all that can happen to them happens', (queue, deliveryLimit) => {
  const broker = useBroker({ alone: true, deliveryLimit })

  test('none is lost, none is handled twice but by what AMQP can not avoid, and whoever is told to go goes in time', async ({
    skip,
  }) => {
    if (!brokerIsOurs) skip('AMQP_URL is set')
    const seed = Number(process.env['CHAOS_SEED'] ?? 1)
    const said: string[] = []
    const say = (line: string): void => void said.push(line)
    const options = {
      seed,
      messages: 3000,
      perSecond: 200,
      consumers: 3,
      queue,
      pause: 300,
      once: true,
      say,
    } as const
    const happened = await chaos(broker, options)
    const story = `CHAOS_SEED=${seed}\n${said.join('\n')}\n${report(happened)}\n`
    expect(complaints(happened, SLACK), story).toEqual([])
    expect(happened.verdict.settled, story).toBe(3000)
  }, 180_000)
})
