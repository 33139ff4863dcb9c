/*
 * A process that runs one consumer whose messages kill it. It says which attempt each is, before it dies of it.
 */
import { writeSync } from 'node:fs'
import { run, serviceGroup } from 'rx-service-group'
import { amqpConsumer } from 'rx-service-group/amqp'

const [url = '', queue = '', type = 'classic'] = process.argv.slice(2)

const group = serviceGroup('shop').add(
  amqpConsumer(
    'orders',
    { url, queue: { name: queue, type: type as 'classic' }, decode: 'text', retry: { limit: 3, initialDelay: 50 } },
    (body, { attempt }) => {
      writeSync(1, `${body} ${attempt}\n`)
      if (body === 'poison') process.kill(process.pid, 'SIGKILL')
    },
  ),
)
group.events$.subscribe(event => {
  if (event.kind === 'transition' && event.state.info?.['parked'] === 1) writeSync(1, 'parked\n')
})
await run(group, { report: false })
