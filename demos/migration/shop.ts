/**
 * The shop of the examples: a database, a consumer of orders, and an app that needs both.
 *
 * `db` and `orders` can be made to misbehave from outside, to see what becomes of the rest: `DB_OPEN`, `DB_CLOSE`,
 * `ORDERS_OPEN` and `ORDERS_CLOSE` may be `fails` or `hangs`. `BACKEND` is a URL that `/slow` waits for.
 */
import { once } from 'node:events'
import { get, type IncomingMessage, type RequestListener } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const { env } = process

export const port: number = Number(env['PORT'] ?? 8080)
export const healthPort: number = Number(env['HEALTH_PORT'] ?? 9000)
/** How long load balancers may take to notice that the shop is leaving, in milliseconds. */
export const drainDelay: number = Number(env['DRAIN_DELAY'] ?? 5_000)
/** How long one thing may take to close, in milliseconds. */
export const stopTimeout: number = Number(env['STOP_TIMEOUT'] ?? 10_000)

/** Something to open and to close. While it is open it keeps the process alive, as a socket does. */
export class Resource {
  readonly name: string
  #connection: NodeJS.Timeout | undefined

  constructor(name: string) {
    this.name = name
  }

  async open(): Promise<void> {
    console.log(`${this.name} opens`)
    await this.#misbehave('OPEN')
    this.#connection = setInterval(() => undefined, 60_000)
  }

  async close(): Promise<void> {
    console.log(`${this.name} closes`)
    await this.#misbehave('CLOSE')
    await delay(20)
    clearInterval(this.#connection)
    this.#connection = undefined
    console.log(`${this.name} closed`)
  }

  get isOpen(): boolean {
    return this.#connection !== undefined
  }

  async #misbehave(step: 'OPEN' | 'CLOSE'): Promise<void> {
    const how = env[`${this.name.toUpperCase()}_${step}`]
    if (how === 'fails') throw new Error(`${this.name}: no route to host`)
    if (how === 'hangs') await new Promise(() => undefined)
  }
}

export const db: Resource = new Resource('db')
export const orders: Resource = new Resource('orders')

export const hello = (): string => `db ${db.isOpen ? 'open' : 'closed'}, orders ${orders.isOpen ? 'open' : 'closed'}`

export const slow = async (): Promise<string> => {
  console.log('a slow request')
  if (env['BACKEND'] === undefined) await delay(2_000)
  else {
    const [response] = (await once(get(env['BACKEND'], { agent: false }), 'response')) as [IncomingMessage]
    await once(response.resume(), 'end')
  }
  return hello()
}

/** An app of express does as well, or any other request listener. */
export const app: RequestListener = async (request, response) => {
  if (request.url === '/') response.end(hello())
  else if (request.url === '/slow') response.end(await slow())
  else response.writeHead(404).end()
}
