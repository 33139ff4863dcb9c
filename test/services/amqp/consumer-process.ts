/*
 * A process that holds one consumer and nothing else. It says `handled N` for each message, SIGTERM drains and stops it,
 * SIGINT forces it, and it never calls exit: it ends when nothing is left.
 */

import type { Shutdown, Step } from 'rx-service-group'
import { amqpConsumer } from 'rx-service-group/amqp'
import { ReplaySubject } from 'rxjs'

const [url = '', queue = '', prefetch = '1'] = process.argv.slice(2)
const shutdown$ = new ReplaySubject<Shutdown>(1)
const tell = (step: Step) => shutdown$.next({ step, reason: { by: 'call' } })
const say = (line: string) => process.stdout.write(`${line}\n`)

const consumer = amqpConsumer('orders', { url, queue, prefetch: Number(prefetch) }, async message => {
  await new Promise(setImmediate)
  say(`handled ${message.content}`)
})
const stopOnSignal = () => tell('drain')
const forceOnSignal = () => tell('force')
process.once('SIGTERM', stopOnSignal).once('SIGINT', forceOnSignal)
consumer.lifecycle(shutdown$).subscribe({
  next: state => {
    say(state.phase)
    if (state.phase === 'drained') tell('stop')
  },
  error: error => say(`failed ${error}`),
  complete: () => process.off('SIGTERM', stopOnSignal).off('SIGINT', forceOnSignal),
})
