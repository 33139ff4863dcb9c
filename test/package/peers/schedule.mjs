import assert from 'node:assert/strict'
import { serviceGroup } from 'rx-service-group'
import { schedule } from 'rx-service-group/schedule'

let ticked
const tick = new Promise(resolve => {
  ticked = resolve
})
const group = serviceGroup('shop').add(schedule('poll', '* * * * * *', () => ticked(), { timezone: 'Europe/Berlin' }))
await group.start()
await tick
assert.match(String(group.status.service('shop/poll').state.info.nextRun), /^\d{4}-\d\d-\d\dT.*Z$/)
assert.throws(() => schedule('bad', 'nonsense', () => {}), { code: 'ERR_INVALID_OPTION' })
assert.throws(() => schedule('never', '0 0 31 2 *', () => {}), /never comes/)
schedule('once', new Date(Date.now() + 60_000), () => {})
assert.equal((await group.stop()).ok, true)
console.log('it works')
