import { connect as connectEmbedded } from '@onify/fake-amqplib'
import { connect as connectRabbit } from 'amqplib'
import type { AmqpConnect } from 'rx-service-group/amqp'

/**
 * RabbitMQ when AMQP_URL is set, otherwise a broker inside this process. Nothing above the connection knows which, but
 * the one inside has no clock, so a retry is waited for in the process and holds its place among `prefetch`; it knows
 * no quorum queues, never blocks and is never lost; a message that no queue takes is refused or nacked
 * instead of coming back; and it forgets everything with its last connection.
 */
export const url = process.env['AMQP_URL'] || 'amqp://embedded'
export const connect: AmqpConnect = process.env['AMQP_URL'] ? connectRabbit : connectEmbedded
