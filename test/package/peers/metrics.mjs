import assert from 'node:assert/strict'
import { register } from 'prom-client'
import { service, serviceGroup } from 'rx-service-group'
import { metrics } from 'rx-service-group/metrics'

const group = serviceGroup('shop').add(service('db', {}))
const subscription = metrics(group)
await group.start()
const running = await register.metrics()
assert.match(running, /^service_group_ready\{group="shop"\} 1$/m)
assert.match(running, /^service_group_service_transitions_total\{.*service="db".*to="running"\} 1$/m)
await group.stop()
assert.match(await register.metrics(), /^service_group_service_stop_duration_seconds_count\{.*outcome="ok"\} 1$/m)
subscription.unsubscribe()
assert.equal((await register.metrics()).trim(), '')
console.log('it works')
