// A consumer of one kind. Its parent asks: `close` holds handlers back from now on, `open` lets them go and is answered
// once so many have ended since, `cpu` is answered with the CPU time used, in microseconds, `tell` has the number in
// each message told.
import { setTimeout as sleep } from 'node:timers/promises'
import { handlers, returners } from './amqp-contenders.ts'

export type Ask = { readonly ask: 'close' | 'cpu' | 'tell' } | { readonly ask: 'open'; readonly after: number }

const [name = '', url = '', queue = '', prefetch = ''] = process.argv.slice(2)

let gate: Promise<void> | undefined
let open = () => {}
let ended = 0
let tells = false
let wanted = Number.POSITIVE_INFINITY

const handle = async (body: unknown): Promise<void> => {
  if (gate) await gate
  if (tells) process.send!((body as { n: number }).n)
  if (++ended === wanted) {
    wanted = Number.POSITIVE_INFINITY
    // What acknowledges a little later belongs to it.
    void sleep(10).then(() => process.send!('ended'))
  }
}

process.on('message', (message: Ask) => {
  if (message.ask === 'tell') tells = true
  if (message.ask === 'cpu') {
    const { user, system } = process.cpuUsage()
    process.send!(user + system)
  }
  if (message.ask === 'close') {
    ended = 0
    gate = new Promise(resolve => {
      open = resolve
    })
    process.send!('closed')
  }
  if (message.ask === 'open') {
    wanted = message.after
    gate = undefined
    open()
  }
})
process.on('disconnect', () => process.exit())
await (handlers[name] ?? returners[name])!(url, queue, Number(prefetch), handle)
process.send!('consuming')
