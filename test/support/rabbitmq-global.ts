import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { TestProject } from 'vitest/node'
import { type Faults, type RabbitMq, startRabbitMq } from './rabbitmq.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The port where test files ask for the broker of this run; none when AMQP_URL names one. */
    rabbitmqPort: number | undefined
  }
}

/** What a test file may ask, one JSON line each; each is answered with one. */
export type Request =
  /** Wait for a turn with the broker: alone, or together with others that do it no harm. */
  | { readonly ask: 'turn'; readonly alone: boolean }
  | { readonly ask: 'vhost'; readonly name: string; readonly deliveryLimit?: number | undefined }
  | { readonly ask: 'evaluate'; readonly code: string }
  | { readonly ask: 'fault'; readonly fault: keyof Faults; readonly argument?: string | number }

/**
 * One RabbitMQ node for the whole test run. It is started when the first test file asks, so that files that need none
 * don't wait for it. A file asks over a socket, and its turn ends when the socket closes, however the file ended.
 */
export default async (project: TestProject): Promise<(() => Promise<void>) | undefined> => {
  const { AMQP_URL } = process.env
  if (AMQP_URL !== undefined) {
    console.warn('AMQP_URL is set: tests that must harm the broker are skipped')
    project.provide('rabbitmqPort', undefined)
    return undefined
  }
  let starting: Promise<RabbitMq> | undefined
  const turns = takeTurns()
  const sockets = new Set<Socket>()

  const answer = async (request: Request, socket: Socket): Promise<unknown> => {
    if (request.ask === 'turn') {
      await turns.take(request.alone, onEnd => socket.once('close', onEnd))
      return undefined
    }
    starting ??= startRabbitMq()
    const rabbitmq = await starting
    if (request.ask === 'vhost') return rabbitmq.addVhost(request.name, request.deliveryLimit)
    if (request.ask === 'evaluate') return rabbitmq.evaluate(request.code)
    return (rabbitmq.faults[request.fault] as (argument?: string | number) => Promise<void>)(request.argument)
  }

  const server = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined)
    createInterface(socket).on('line', async line => {
      const reply = await answer(JSON.parse(line), socket).then(
        value => ({ value }),
        error => ({ error: String(error?.message ?? error) }),
      )
      socket.write(`${JSON.stringify(reply)}\n`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  project.provide('rabbitmqPort', (server.address() as AddressInfo).port)

  return async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await (await starting?.catch(() => undefined))?.close()
  }
}

/** Many at once who do no harm, or one alone; in the order asked. */
const takeTurns = () => {
  const waiting: { alone: boolean; go: () => void }[] = []
  let together = 0
  let alone = false
  const next = () => {
    for (let first = waiting[0]; first && !alone && !(first.alone && together > 0); first = waiting[0]) {
      waiting.shift()
      if (first.alone) alone = true
      else together++
      first.go()
    }
  }
  return {
    take: (wantsAlone: boolean, whenOver: (onEnd: () => void) => void): Promise<void> =>
      new Promise(resolve => {
        const turn = { alone: wantsAlone, go: resolve }
        waiting.push(turn)
        whenOver(() => {
          const place = waiting.indexOf(turn)
          if (place >= 0) waiting.splice(place, 1)
          else if (wantsAlone) alone = false
          else together--
          next()
        })
        next()
      }),
  }
}
