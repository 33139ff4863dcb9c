import assert from 'node:assert/strict'
import * as api from '@opentelemetry/api'
import { service, serviceGroup } from 'rx-service-group'
import { otel } from 'rx-service-group/otel'

// Without an SDK nothing is recorded, and nothing fails.
const quiet = serviceGroup('quiet').add(service('db', {}))
otel(quiet)
await quiet.start()
await quiet.stop()

const ended = []
class Span {
  constructor(name) {
    this.name = name
  }
  setAttribute() {
    return this
  }
  setStatus() {
    return this
  }
  spanContext() {
    return { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 0 }
  }
  recordException() {}
  end() {
    ended.push(this.name)
  }
}
let observe
const meter = {
  createObservableUpDownCounter: name => name,
  createObservableGauge: name => name,
  createObservableCounter: name => name,
  createCounter: () => ({ add() {} }),
  createHistogram: () => ({ record() {} }),
  addBatchObservableCallback: callback => {
    observe = callback
  },
  removeBatchObservableCallback: () => {
    observe = undefined
  },
}
// The library must find what was set in the very package that is imported here.
api.trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: name => new Span(name) }) })
api.metrics.setGlobalMeterProvider({ getMeter: () => meter })
const group = serviceGroup('shop').add(service('db', {}))
const subscription = otel(group)
await group.start()
const observed = new Map()
observe({ observe: (name, value) => observed.set(name, value) })
assert.equal(observed.get('service_group.ready'), 1)
await group.stop()
assert.deepEqual(ended, ['start db', 'start shop', 'stop db', 'shutdown shop'])
subscription.unsubscribe()
assert.equal(observe, undefined)
console.log('it works')
