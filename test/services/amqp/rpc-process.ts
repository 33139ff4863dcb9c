/*
 * A process that replies to requests with what another server replies to its own request, over one connection. It says
 * how many requests it has begun, its outcome, and what still keeps it alive at its end.
 */
import { run, serviceGroup } from 'rx-service-group'
import { amqpConnection, amqpConsumer, amqpRpc } from 'rx-service-group/amqp'

const [url = '', from = '', inner = ''] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

const connection = amqpConnection({ url })
const client = amqpRpc('client', { connection })
let begun = 0
const server = amqpConsumer('server', { connection, queue: from, prefetch: 50 }, async (n: number, { reply }) => {
  say(`begun ${++begun}`)
  await reply(await client.request<number>(inner, n))
})

const group = serviceGroup('shop').add(client).add(server)
group.status$.subscribe(({ phase }) => {
  if (phase === 'running') say('both run')
})
await run(group, { report: ({ outcome, keepsAlive }) => say(`${outcome} ${keepsAlive?.join()}`.trim()) })
