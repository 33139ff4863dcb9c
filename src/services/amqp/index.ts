export type { AmqpErrorCode } from './amqp-error.ts'
export type { AmqpUrl } from './connection/broker.ts'
export type { AmqpConnect } from './connection/connect.ts'
export { type AmqpConnection, amqpConnection, type ConnectionChoice } from './connection/connection.ts'
export type { AmqpCredentials, CredentialsFunction } from './connection/credentials.ts'
export type { AmqpConnectOptions, AmqpModel } from './connection/model.ts'
export type { AmqpConnectionOptions } from './connection/options.ts'
export type { AmqpTlsOptions } from './connection/tls.ts'
export { amqpConsumer } from './consumer/consumer.ts'
export type { BodyOf, Decode } from './consumer/decode.ts'
export { type AmqpMessage, type AmqpPipeline, amqpMessages } from './consumer/messages.ts'
export type { StreamOffset } from './consumer/offsets.ts'
export type {
  AmqpConsumerOptions,
  AmqpSourceOptions,
  ConsumeOptions,
  MessageContext,
  MessageHandler,
} from './consumer/options.ts'
export type { MessageOutcome, OnError, RetryOptions } from './consumer/policy.ts'
export type { QueueOptions, QueueType } from './consumer/queue.ts'
export type { BindingOptions, ExchangeOptions } from './exchange.ts'
export type { BodyFor, Encode } from './publisher/encode.ts'
export type { AmqpPublisherOptions, PublishOptions } from './publisher/options.ts'
export { type AmqpPublisher, amqpPublisher } from './publisher/publisher.ts'
export type { AmqpRpcOptions, RequestOptions } from './rpc/options.ts'
export { type AmqpRpc, amqpRpc } from './rpc/rpc.ts'
