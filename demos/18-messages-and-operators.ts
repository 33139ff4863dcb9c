/**
 * A queue as an Observable: the readings of three sensors are written in batches, each sensor's in order, the sensors
 * side by side.
 *
 *   node --import tsx demos/18-messages-and-operators.ts   (AMQP_URL=amqp://... for RabbitMQ)
 *
 * What comes out of the pipeline is acknowledged: a batch when it is written, not before. At the end the stream of
 * messages completes, so that the last batches, which are not full, are written too.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { run, serviceGroup, task } from 'rx-service-group'
import { type AmqpMessage, amqpMessages, amqpPublisher } from 'rx-service-group/amqp'
import { bufferCount, concatMap, groupBy, mergeMap, type Observable } from 'rxjs'
import { connect, url } from './support/broker.ts'

interface Reading {
  readonly sensor: string
  readonly value: number
}

const outbox = amqpPublisher('outbox', { url, connect })

const inBatches = (messages$: Observable<AmqpMessage<Reading>>) =>
  messages$.pipe(
    groupBy(({ body }) => body.sensor),
    mergeMap(sensor$ =>
      sensor$.pipe(
        bufferCount(4),
        concatMap(async batch => {
          await delay(50)
          console.log(`${sensor$.key.padEnd(7)}  written: ${batch.map(({ body }) => body.value).join(' ')}`)
          return batch
        }),
      ),
    ),
  )

const readings = amqpMessages('readings', { url, connect, queue: 'readings', prefetch: 100 }, inBatches)

const sensors = task('sensors', async () => {
  for (let value = 1; value <= 30; value++)
    await outbox.publish('readings', { sensor: ['kitchen', 'garden', 'cellar'][value % 3], value })
  await delay(500)
  console.log('Enough; what is left is written now:')
  void group.stop('the story is told')
})

const group = serviceGroup('house').add(outbox).add(readings).add(sensors)
await run(group)
