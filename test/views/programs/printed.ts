// A database that prints while it starts, and fails its first time, on a terminal that shows what is printed.
import { setTimeout as delay } from 'node:timers/promises'
import { run, service, serviceGroup } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'

let lives = 0
const db = service('db', {
  start: async () => {
    console.log('opening the file')
    console.error('\u001b[31mthe file is locked\u001b[0m')
    await delay(1_000)
    if (lives++ === 0) throw new Error('no luck')
    console.log('unlocked')
  },
})
const group = serviceGroup('shop').add(db, { restart: { policy: 'transient', initialDelay: 2_000, jitter: 0 } })
terminal(group, { logs: true })
await run(group)
