import { connect as connectEmbedded } from '@onify/fake-amqplib'
import { connect as connectRabbit } from 'amqplib'
import { service } from 'rx-service-group'
import type { AmqpConnect } from 'rx-service-group/amqp'

/**
 * RabbitMQ when AMQP_URL is set, otherwise a broker inside this process. Nothing above the connection knows which, but
 * the one inside has no clock, so a retry is waited for in the process and holds its place among `prefetch`; it knows
 * no quorum queues, never blocks and is never lost; and it forgets everything with its last connection.
 */
export const url = process.env['AMQP_URL'] || 'amqp://embedded'
export const connect: AmqpConnect = process.env['AMQP_URL'] ? connectRabbit : connectEmbedded

/** Publishes to a queue, with confirms: `publish` settles once the broker has the message. */
export const publisher = (name: string, queue: string) => {
  let publish: (body: unknown) => Promise<void> = () => Promise.reject(new Error(`${name} is not running`))
  let close: () => Promise<void>
  return {
    publish: (body: unknown) => publish(body),
    service: service(name, {
      start: async ({ fail, signal }) => {
        const connection = await connect(url, { signal, timeout: 5_000 })
        let closing = false
        connection.on('error', fail)
        connection.on('close', () => closing || fail(new Error('the connection to the broker was lost')))
        const channel = await connection.createConfirmChannel()
        channel.on('error', fail)
        await channel.assertQueue(queue, { durable: true })
        publish = body =>
          new Promise((resolve, reject) => {
            const sent = Buffer.from(JSON.stringify(body))
            channel.sendToQueue(queue, sent, { persistent: true }, error => (error ? reject(error) : resolve()))
          })
        close = async () => {
          closing = true
          await channel.waitForConfirms()
          await channel.close()
          await connection.close()
        }
      },
      stop: () => close(),
    }),
  }
}
