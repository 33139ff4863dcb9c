export { amqpConsumer } from './consumer.ts'
export type { AmqpConsumerOptions, MessageContext, MessageHandler, QueueOptions } from './options.ts'
export type { AmqpConnect } from './session.ts'
