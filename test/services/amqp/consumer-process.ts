/*
 * A process that runs one consumer and nothing else. It says its phases, and `handled N` for each message. It ends by
 * itself when nothing is left: what keeps it alive would be in its report.
 */
import { run, serviceGroup } from 'rx-service-group'
import { amqpConsumer } from 'rx-service-group/amqp'

const [url = '', queue = '', prefetch = '1'] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

const group = serviceGroup('shop').add(
  amqpConsumer('orders', { url, queue, prefetch: Number(prefetch), decode: 'text' }, async body => {
    await new Promise(setImmediate)
    say(`handled ${body}`)
  }),
)
group.events$.subscribe(event => {
  if (event.kind === 'transition' && event.path === 'shop/orders') say(event.state.phase)
})
await run(group, { report: ({ outcome, keepsAlive }) => say(`${outcome} ${keepsAlive?.join()}`.trim()) })
