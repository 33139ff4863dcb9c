/*
 * A process that publishes the numbers from 1 on, a few at a time, and ends when all are confirmed. It writes down what
 * is confirmed, and goes on from there when it is started again: what it can't know to have arrived is published again,
 * as another copy.
 */
import { readFileSync } from 'node:fs'
import { run, service, serviceGroup } from 'rx-service-group'
import { amqpPublisher } from 'rx-service-group/amqp'
import { interval, type Subscription } from 'rxjs'
import { endWithParent, openJournal } from './journal.ts'

const [url = '', queue = '', total = '', perSecond = '', instance = '', file = ''] = process.argv.slice(2)
const HELD_AT_MOST = 1000
const EVERY = 10

const left = new Set(Array.from({ length: Number(total) }, (_, n) => n + 1))
for (const line of readFileSync(file, 'utf8').split('\n')) {
  const [what, n] = line.split(' ')
  if (what === 'confirmed') left.delete(Number(n))
}
const toPublish = left.values()
const held = new Set<number>()

// Whatever is held when a connection is lost may have arrived, and is published again with the next one.
const { write, now, connect } = openJournal(file, () => {
  for (const n of held) write('again', n, instance)
})
endWithParent()

const outbox = amqpPublisher('outbox', {
  url,
  connect,
  heartbeat: 2000,
  connectTimeout: 2000,
  maxPending: HELD_AT_MOST,
})

const publish = async (n: number): Promise<void> => {
  held.add(n)
  try {
    await outbox.publish(queue, { n, copy: instance })
    write('confirmed', n, instance)
    left.delete(n)
    if (left.size === 0) void group.stop('all is confirmed')
  } catch (error) {
    write('refused', n, instance, (error as { code?: string }).code ?? String(error))
  }
  held.delete(n)
}

let ticks: Subscription | undefined
let due = 0
const source = service('numbers', {
  start: () => {
    ticks = interval(EVERY).subscribe(() => {
      due += (Number(perSecond) * EVERY) / 1000
      for (; due >= 1 && held.size < HELD_AT_MOST; due--) {
        const next = toPublish.next()
        if (next.done) return
        void publish(next.value)
      }
    })
  },
  stop: () => ticks?.unsubscribe(),
})

const group = serviceGroup('chaos')
  .add(outbox, { stopTimeout: 3000 })
  .add(source, { dependsOn: ['outbox'] })
if (left.size === 0) process.exit()
const { outcome, errors, keepsAlive } = await run(group, { report: false, shutdownTimeout: 5000, forceTimeout: 500 })
write('end', now(), outcome.replaceAll(' ', '-'), errors[0]?.code ?? '-', keepsAlive?.join() || '-')
