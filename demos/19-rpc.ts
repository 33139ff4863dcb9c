/**
 * A shop asks for prices over a queue, and gets replies.
 *
 *   node --import tsx demos/19-rpc.ts   (AMQP_URL=amqp://... for RabbitMQ)
 *
 * The price list is a consumer that replies. An item without a price is an error that it replies too, since a handler
 * that fails sends no reply: the request for a unicorn times out, and its message is parked. A customer who leaves ends
 * the wait with a signal. The client names the price list in its `dependsOn`: at the end, the price list takes
 * questions until the client has all its replies.
 */
import { run, ServiceError, serviceGroup, task } from 'rx-service-group'
import { amqpConsumer, amqpRpc } from 'rx-service-group/amqp'
import { firstValueFrom, timer } from 'rxjs'
import { connect, url } from './support/broker.ts'

interface Question {
  readonly item: string
}
type Answer = { readonly price: number } | { readonly error: string }

const prices: Readonly<Record<string, number>> = { book: 12, lamp: 30, house: 400_000 }

const priceList = amqpConsumer(
  'price-list',
  { url, connect, queue: 'shop.prices', onError: 'park' },
  async ({ item }: Question, { reply }) => {
    if (item === 'unicorn') throw new Error('there are no unicorns')
    // Somebody has to look at a house first.
    if (item === 'house') await firstValueFrom(timer(300))
    const price = prices[item]
    await reply((price === undefined ? { error: `no price for a ${item}` } : { price }) satisfies Answer)
  },
)

const client = amqpRpc('client', { url, connect, timeout: 1_000 })

const ask = async (item: string, signal?: AbortSignal): Promise<void> => {
  try {
    const answer = await client.request<Answer>('shop.prices', { item }, { ...(signal && { signal }) })
    console.log(`${item}: ${'price' in answer ? answer.price : answer.error}`)
  } catch (error) {
    console.log(`${item}: ${error instanceof ServiceError ? error.code : error}`)
  }
}

const customers = task('customers', async () => {
  await ask('lamp')
  await ask('carpet')
  await ask('unicorn')
  await ask('house', AbortSignal.timeout(100))
  // The group stops while this one waits for its reply.
  void ask('house')
})

const group = serviceGroup('shop')
  .add(priceList)
  .add(client, { dependsOn: ['price-list'] })
  .add(customers, { dependsOn: ['client'], onEnd: 'stop-group' })
await run(group)
