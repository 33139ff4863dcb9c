/** The code that the programs beside this file add to their library, because it does not do the same. */
import type { RequestListener } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { drainDelay, type Resource, orders as shopOrders, stopTimeout } from '../../../demos/migration/shop.ts'

export interface Closable {
  readonly name: string
  open(): Promise<void>
  close(): Promise<void>
}

/** A consumer of RabbitMQ that finishes what it holds, and takes no more. */
const consumer = (url: string): Closable => {
  let close = async (): Promise<void> => undefined
  return {
    name: 'orders',
    open: async () => {
      const { connect } = await import('amqplib')
      const connection = await connect(url)
      const channel = await connection.createChannel()
      const held = new Set<Promise<void>>()
      await channel.prefetch(3)
      const { consumerTag } = await channel.consume(process.env['QUEUE'] ?? 'orders', message => {
        if (!message) return
        const handled = delay(300).then(() => channel.ack(message))
        held.add(handled)
        void handled.finally(() => held.delete(handled))
        console.log('an order')
      })
      close = async () => {
        await channel.cancel(consumerTag)
        await Promise.all(held)
        await channel.close()
        await connection.close()
      }
    },
    close: () => close(),
  }
}

const url = process.env['AMQP_URL']
export const orders: Resource | Closable = url ? consumer(url) : shopOrders

/** Closes one after another, each within its time, whatever becomes of those before it. Throws the errors together. */
export const closeAll = async (...resources: readonly Closable[]): Promise<void> => {
  const errors: unknown[] = []
  for (const resource of resources) {
    const late = new AbortController()
    const tooLate = delay(stopTimeout, undefined, { signal: late.signal }).then(() => {
      throw new Error(`${resource.name} did not close within ${stopTimeout} ms`)
    })
    await Promise.race([resource.close(), tooLate]).catch(error => errors.push(error))
    late.abort()
    tooLate.catch(() => undefined)
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('; '))
}

/** Opens one after another. If one fails, closes those before it, and ends the process. */
export const openAll = async (...resources: readonly Closable[]): Promise<void> => {
  const open: Closable[] = []
  for (const resource of resources) {
    try {
      await resource.open()
      open.unshift(resource)
    } catch (error) {
      console.error(error)
      await closeAll(...open).catch(console.error)
      process.exit(1)
    }
  }
}

/** The second SIGTERM ends the process. */
export const forceAtSecondSignal = (): void => {
  let signals = 0
  process.on('SIGTERM', () => {
    if (++signals === 2) process.exit(143)
  })
}

let leaves = false

export const isLeaving = (): boolean => leaves

/** Readiness fails from now on, and everything is served for a while. */
export const leave = async (): Promise<void> => {
  leaves = true
  await delay(drainDelay)
}

/** Adds a readiness endpoint. While the process leaves, a connection is closed after its answer. */
export const withReadiness =
  (app: RequestListener, isOver: () => boolean = isLeaving): RequestListener =>
  (request, response) => {
    response.once('finish', () => {
      if (isOver()) request.socket.end()
    })
    if (request.url === '/ready') response.writeHead(isOver() ? 503 : 200).end()
    else app(request, response)
  }

/** Ends the process as well as its closing went. */
export const exitAfter = async (closing: Promise<unknown>): Promise<never> => {
  const code = await closing.then(
    () => 0,
    error => {
      console.error(error)
      return 1
    },
  )
  process.exit(code)
}
