// It has no types of its own.
declare module 'rascal' {
  import type { EventEmitter } from 'node:events'

  interface Subscription extends EventEmitter {
    on(name: 'error', listener: (error: unknown) => void): this
    on(
      name: 'message',
      listener: (message: unknown, content: unknown, ackOrNack: (error?: unknown) => void) => void,
    ): this
  }
  interface Broker extends EventEmitter {
    subscribe(name: string): Promise<Subscription>
  }
  const rascal: {
    readonly withDefaultConfig: (config: object) => object
    readonly BrokerAsPromised: { create(config: object): Promise<Broker> }
  }
  export default rascal
}
