import { randomUUID } from 'node:crypto'
import { type ChannelModel, connect, type GetMessage, type Options } from 'amqplib'
import type { Service, ServiceState, Shutdown, StateOf, Step, StopReason } from 'rx-service-group'
import { BehaviorSubject, filter, firstValueFrom, ReplaySubject, type Subscription, timeout } from 'rxjs'

/** One life of a service under test: what it has said, and the steps it is told. */
export interface Life {
  readonly states: readonly ServiceState[]
  /** The first state, past or to come, that is as asked. */
  until<S extends ServiceState>(isIt: (state: ServiceState) => state is S, ms?: number): Promise<S>
  until(isIt: (state: ServiceState) => boolean, ms?: number): Promise<ServiceState>
  /** Forgets the past for `until`. */
  forget(): void
  tell(step: Step, reason?: StopReason): void
  /** Resolves when the life is over; rejects when it failed. */
  readonly over: Promise<void>
  readonly subscription: Subscription
}

export const live = (service: Service): Life => {
  const shutdown$ = new ReplaySubject<Shutdown>(1)
  const states: ServiceState[] = []
  let known: ServiceState[] = []
  const latest$ = new BehaviorSubject<ServiceState | undefined>(undefined)
  let subscription!: Subscription
  const over = new Promise<void>((resolve, reject) => {
    subscription = service.lifecycle(shutdown$).subscribe({
      next: state => {
        states.push(state)
        known.push(state)
        latest$.next(state)
      },
      error: reject,
      complete: resolve,
    })
  })
  over.catch(() => undefined)
  return {
    states,
    over,
    subscription,
    until: async (isIt: (state: ServiceState) => boolean, ms = 15_000): Promise<never> => {
      const ended = over.then(async () => {
        await new Promise(setImmediate)
        throw new Error(`it is over, and said only ${states.map(state => state.phase).join(', ')}`)
      })
      const coming = firstValueFrom(
        latest$.pipe(
          filter(state => known.some(isIt) || (state !== undefined && isIt(state))),
          timeout(ms),
        ),
      ).then(() => known.find(isIt) as never)
      return Promise.race([coming, ended])
    },
    forget: () => {
      known = []
    },
    tell: (step, reason = { by: 'call' }) => shutdown$.next({ step, reason }),
  }
}

export const isRunning = (state: ServiceState): state is StateOf<'running'> => state.phase === 'running'
export const isPhase =
  <P extends ServiceState['phase']>(phase: P) =>
  (state: ServiceState): state is StateOf<P> =>
    state.phase === phase
export const hasHealth =
  (health: string) =>
  (state: ServiceState): state is StateOf<'running'> =>
    state.phase === 'running' && state.health === health

export const hasInfo = (key: string) => (state: ServiceState) => state.info?.[key] !== undefined

export const last = (life: Life): ServiceState => {
  const state = life.states.at(-1)
  if (!state) throw new Error('it said nothing')
  return state
}

/** Someone else at the broker: publishes, counts, deletes. */
export interface Bystander {
  readonly connection: ChannelModel
  publish(queue: string, bodies: readonly string[], options?: Options.Publish): Promise<void>
  /** To a queue that is there, or an exchange. */
  send(exchange: string, key: string, body: string, options?: Options.Publish): Promise<void>
  /** How many messages are ready, with no consumer holding them. */
  ready(queue: string): Promise<number>
  consumers(queue: string): Promise<number>
  take(queue: string): Promise<{ body: string; redelivered: boolean } | undefined>
  /** The next message, with its headers and all; waits until there is one. */
  next(queue: string): Promise<GetMessage>
  exists(queue: string): Promise<boolean>
  deleteQueue(queue: string): Promise<void>
  declare(queue: string): Promise<void>
  close(): Promise<void>
}

export const bystander = async (url: string): Promise<Bystander> => {
  const connection = await connect(url)
  connection.on('error', () => undefined)
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => undefined)
  /** How many messages are ready; `undefined`: there is no such queue. To ask for one costs the channel. */
  const count = async (queue: string): Promise<number | undefined> => {
    const own = await connection.createChannel()
    own.on('error', () => undefined)
    return own.checkQueue(queue).then(
      ({ messageCount }) => own.close().then(() => messageCount),
      () => undefined,
    )
  }
  return {
    connection,
    publish: async (queue, bodies, options) => {
      await channel.assertQueue(queue)
      for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), options)
      await channel.waitForConfirms()
    },
    send: async (exchange, key, body, options) => {
      channel.publish(exchange, key, Buffer.from(body), options)
      await channel.waitForConfirms()
    },
    ready: async queue => (await channel.checkQueue(queue)).messageCount,
    consumers: async queue => (await channel.checkQueue(queue)).consumerCount,
    take: async queue => {
      const message = await channel.get(queue, { noAck: true })
      return message ? { body: message.content.toString(), redelivered: message.fields.redelivered } : undefined
    },
    next: async queue => {
      for (
        const giveUp = Date.now() + 10_000;
        Date.now() < giveUp;
        await new Promise(resolve => setTimeout(resolve, 5))
      ) {
        // A quorum queue may be known before its process runs. To get from it then costs the connection.
        const message = (await count(queue)) && (await channel.get(queue, { noAck: true }))
        if (message) return message
      }
      throw new Error(`nothing came to ${queue}`)
    },
    exists: async queue => (await count(queue)) !== undefined,
    deleteQueue: async queue => void (await channel.deleteQueue(queue)),
    declare: async queue => void (await channel.assertQueue(queue)),
    close: async () => {
      await connection.close().catch(() => undefined)
    },
  }
}

export const queueName = (): string => `q-${randomUUID()}`
export const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n))

/** A promise, and its ends in hand. */
export const promised = <T = void>() => {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
