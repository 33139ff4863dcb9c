/*
 * A process that publishes the numbers from 1 on, a few at a time, and ends when all are confirmed. It writes down what
 * is confirmed, and goes on from there when it is started again. Bare amqplib, so that what is judged is not the judge:
 * whatever it can't know to have arrived is published again, as another copy.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfirmChannel, connect } from 'amqplib'
import { endWithParent, openJournal } from './journal.ts'

const [url = '', queue = '', total = '', perSecond = '', instance = '', file = ''] = process.argv.slice(2)
const { write } = openJournal(file)
endWithParent()

const HELD_AT_MOST = 1000
const confirmed = new Set<number>()
for (const line of readFileSync(file, 'utf8').split('\n')) {
  const [what, n] = line.split(' ')
  if (what === 'confirmed') confirmed.add(Number(n))
}

let stopping = false
process.once('SIGTERM', () => {
  stopping = true
})

let attempt = 0
/** Publishes over one connection until all is confirmed, or this is to end, or the connection is lost. */
const publish = async (): Promise<void> => {
  const copy = `${instance}-${++attempt}`
  const connection = await connect(`${url}?heartbeat=2`, { timeout: 2000 })
  const lost = new Promise<never>((_, reject) => {
    connection.on('error', reject).on('close', () => reject(new Error('closed')))
  })
  lost.catch(() => undefined)
  const race = <T>(promise: Promise<T>): Promise<T> => Promise.race([promise, lost])
  try {
    const channel: ConfirmChannel = await race(connection.createConfirmChannel())
    channel.on('error', () => undefined)
    let held = 0
    let next = 1
    let refused: unknown
    for (;;) {
      const batch: number[] = []
      while (batch.length < Number(perSecond) / 100 && held + batch.length < HELD_AT_MOST && next <= Number(total)) {
        if (!confirmed.has(next)) batch.push(next)
        next++
      }
      for (const n of batch) {
        held++
        channel.sendToQueue(queue, Buffer.from(JSON.stringify({ n, copy })), { persistent: true }, error => {
          held--
          if (error) refused = error
          else {
            confirmed.add(n)
            write('confirmed', n, copy)
          }
        })
      }
      if (stopping || confirmed.size === Number(total)) break
      if (refused) throw refused
      await race(sleep(10))
    }
    await Promise.race([channel.waitForConfirms().then(() => connection.close()), lost, sleep(1000)])
  } finally {
    const { stream } = connection.connection as unknown as { stream: Socket }
    stream.destroy(new Error('over'))
  }
}

while (!stopping && confirmed.size < Number(total)) {
  await publish().catch(() => undefined)
  if (!stopping && confirmed.size < Number(total)) await sleep(100)
}
process.exit()
