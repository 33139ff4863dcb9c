import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, inject } from 'vitest'
import type { Faults } from './rabbitmq.ts'
import type { Request } from './rabbitmq-global.ts'

const { AMQP_URL } = process.env

/** Faults that may be done to the broker of this run; false when AMQP_URL names one that isn't ours to harm. */
export const brokerIsOurs = AMQP_URL === undefined

type OfVhost = 'closeAllConnections' | 'forbidDeclaring' | 'allowDeclaring'

/** The broker, as one test file sees it: a virtual host of its own on the node of this run. */
export interface Broker {
  readonly url: string
  /** The name of the virtual host. */
  readonly vhost: string
  /** Runs Erlang code in the node, as its operator could. Resolves to what it returns, as Erlang prints it. */
  evaluate(code: string): Promise<string>
  readonly faults: Omit<Faults, OfVhost> & Record<OfVhost, () => Promise<void>>
}

/** In one run of these tests all queues are quorum queues with a delivery limit, as they are on RabbitMQ 4. */
const limitOfRun = process.env['DELIVERY_LIMIT'] === undefined ? undefined : Number(process.env['DELIVERY_LIMIT'])

/** Whether the queues of this run are quorum queues, unless a test says otherwise. */
export const queuesAreQuorum = limitOfRun !== undefined

export interface BrokerUse {
  readonly alone?: boolean
  /** Its queues are quorum queues unless said otherwise, from which messages are dropped that come back so often. */
  readonly deliveryLimit?: number | undefined
}

/**
 * The broker for this test file, there from `beforeAll` on. Say `alone` if a test stops, freezes or blocks it: then no
 * other file uses it meanwhile.
 */
export const useBroker = ({ alone = false, deliveryLimit = limitOfRun }: BrokerUse = {}): Broker => {
  let socket: Socket | undefined
  let url = AMQP_URL ?? ''
  const vhost = `v${randomUUID()}`
  const waiting: ((reply: { value?: unknown; error?: string }) => void)[] = []

  const ask = (request: Request): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.push(({ value, error }) => (error === undefined ? resolve(value) : reject(new Error(error))))
      socket?.write(`${JSON.stringify(request)}\n`)
    })

  beforeAll(async () => {
    const port = inject('rabbitmqPort')
    if (port === undefined) return
    socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    createInterface(socket).on('line', line => waiting.shift()?.(JSON.parse(line)))
    await ask({ ask: 'turn', alone })
    url = String(await ask({ ask: 'vhost', name: vhost, deliveryLimit }))
  }, 180_000)
  afterAll(() => void socket?.destroy())

  const fault = (name: keyof Faults) => async (argument?: string | number) => {
    await ask({ ask: 'fault', fault: name, ...(argument !== undefined && { argument }) })
  }
  return {
    get url() {
      return url
    },
    vhost,
    evaluate: async code => String(await ask({ ask: 'evaluate', code })),
    faults: {
      closeAllConnections: () => fault('closeAllConnections')(vhost),
      forbidDeclaring: () => fault('forbidDeclaring')(vhost),
      allowDeclaring: () => fault('allowDeclaring')(vhost),
      block: fault('block'),
      unblock: fault('unblock'),
      freeze: fault('freeze'),
      thaw: fault('thaw'),
      kill: fault('kill'),
      stop: fault('stop'),
      start: fault('start'),
      restart: fault('restart'),
      deliveryTimeout: fault('deliveryTimeout'),
      deadLetterTimeout: fault('deadLetterTimeout'),
    },
  }
}
