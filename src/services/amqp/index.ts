export { type AmqpConnection, amqpConnection, type ConnectionChoice } from './connection/connection.ts'
export type { AmqpConnect, AmqpConnectionOptions } from './connection/options.ts'
export { amqpConsumer } from './consumer/consumer.ts'
export type { AmqpConsumerOptions, MessageContext, MessageHandler, QueueOptions } from './consumer/options.ts'
