import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { service, serviceGroup } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'

const { CI, ...env } = process.env
process.env = { ...env, TERM: 'xterm' }
let written = ''
const write = text => {
  written += text
  return true
}
const output = Object.assign(Object.create(process.stdout), { isTTY: true, columns: 80, rows: 24, write })
// The picture comes as soon as its packages are loaded.
const drawn = async () => {
  while (!/shop.* is starting, 0 of 1 up/.test(written)) await setTimeout(20)
}
const group = serviceGroup('shop').add(service('db', { start: drawn }))
const ended = new Promise(resolve => terminal(group, { output }).add(resolve))
await group.start()
await group.stop()
await ended
assert.doesNotMatch(written, /npm install/)
assert.match(written, /shop.* is up in/)
console.log('it works')
