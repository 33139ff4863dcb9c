/*
 * A process with one consumer, which writes down all that it does with messages. What it has written down as handled
 * is the work done: it heeds no signal to give up.
 */
import { run, serviceGroup } from 'rx-service-group'
import { amqpConsumer } from 'rx-service-group/amqp'
import { endWithParent, openJournal } from './journal.ts'
import { conductOf, type Numbered, RETRY } from './message.ts'

const [url = '', queue = '', type = '', prefetch = '', concurrency = '', file = ''] = process.argv.slice(2)
const { write, now, connect } = openJournal(file)
endWithParent()

/** The tag by which the broker knows this consumer, another one with each channel. */
let session = ''

const handle = async (
  { n, copy }: Numbered,
  { attempt, message }: { attempt: number; message: { fields: { consumerTag?: string | undefined } } },
): Promise<void> => {
  const { takes, async, fails } = conductOf(n)
  const { consumerTag = '' } = message.fields
  if (consumerTag !== session) {
    session = consumerTag
    write('session', session)
  }
  if (takes > 0) await new Promise(resolve => setTimeout(resolve, takes))
  else if (async) await new Promise(setImmediate)
  const failed = fails === 'all' || (fails === 'the first' && attempt === 1)
  write(failed ? 'failed' : 'handled', n, copy, consumerTag, now())
  if (failed) throw new Error('it fails, as its number says')
}

const consumer = amqpConsumer(
  'numbers',
  {
    url,
    connect,
    heartbeat: 2000,
    connectTimeout: 2000,
    queue: { name: queue, type: type === 'quorum' ? 'quorum' : 'classic' },
    prefetch: Number(prefetch),
    concurrency: Number(concurrency),
    retry: RETRY,
  },
  handle,
)
const group = serviceGroup('chaos').add(consumer, { drainTimeout: 3000, stopTimeout: 1000 })

let consuming = false
group.events$.subscribe(event => {
  if (event.kind !== 'transition' || event.path !== 'chaos/numbers') return
  const { phase } = event.state
  const consumes = event.state.phase === 'running' && event.state.health !== 'fail'
  if (phase === 'draining' || phase === 'stopping') {
    if (consuming) write('told', now())
  } else if (consumes !== consuming) write(consumes ? 'up' : 'down', now())
  consuming = consumes
})
const { outcome, errors, keepsAlive } = await run(group, { report: false, shutdownTimeout: 5000, forceTimeout: 500 })
write('end', now(), outcome.replaceAll(' ', '-'), errors[0]?.code ?? '-', keepsAlive?.join() || '-')
