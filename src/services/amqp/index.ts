export { amqpConsumer } from './consumer.ts'
export type { AmqpConnect, AmqpConsumerOptions, MessageContext, MessageHandler, QueueOptions } from './options.ts'
