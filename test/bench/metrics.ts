// What metrics cost: a scrape of many services, and what each view adds to a transition. Prints a JSON object.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { trace } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { Registry } from 'prom-client'
import { metrics } from 'rx-service-group/metrics'
import { otel } from 'rx-service-group/otel'
import { changingGroup } from './changing-group.ts'

const SERVICES = 300
const TRANSITIONS = 200_000
const SCRAPES = 50

const { group, contexts } = changingGroup(SERVICES)
await group.start()

let turn = 0
const change = (times: number): void => {
  // Each one differs from the last, or it would be no news.
  for (let n = 0; n < times; n++) contexts[n % SERVICES]!.setHealth('pass', `change ${turn++}`)
}
/** Nanoseconds a transition. */
const transition = (): number => {
  const begun = performance.now()
  change(TRANSITIONS)
  return ((performance.now() - begun) * 1e6) / TRANSITIONS
}

change(TRANSITIONS)
const registry = new Registry()
const listener = (): void => undefined
const views: Readonly<Record<string, () => () => void>> = {
  nobody: () => () => undefined,
  'a listener of events$': () => {
    const subscription = group.events$.subscribe(() => undefined)
    return () => subscription.unsubscribe()
  },
  'metrics()': () => {
    const subscription = metrics(group, { registry })
    return () => subscription.unsubscribe()
  },
  'otel()': () => {
    const subscription = otel(group, { tracer: trace.getTracer('bench'), meter: new MeterProvider().getMeter('bench') })
    return () => subscription.unsubscribe()
  },
  'a subscriber of the diagnostics channel': () => {
    subscribe('rx-service-group:transition', listener)
    return () => void unsubscribe('rx-service-group:transition', listener)
  },
}
const took = new Map<string, number[]>(Object.keys(views).map(name => [name, []]))
// In turns, so that none has the warm machine to itself.
for (let round = 0; round < 6; round++)
  for (const [name, begin] of Object.entries(views)) {
    const end = begin()
    took.get(name)!.push(transition())
    end()
  }
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

metrics(group, { registry })
for (let n = 0; n < 10; n++) await registry.metrics()
let text = ''
const begun = performance.now()
for (let n = 0; n < SCRAPES; n++) text = await registry.metrics()
const scrape = (performance.now() - begun) / SCRAPES

console.log(
  JSON.stringify({
    transitions: Object.fromEntries([...took].map(([name, values]) => [name, median(values)])),
    scrape,
    lines: text.split('\n').length,
    bytes: text.length,
  }),
)
await group.stop()
