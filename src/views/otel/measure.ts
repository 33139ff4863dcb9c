import type { Attributes, BatchObservableResult, Histogram, Meter } from '@opentelemetry/api'
import { figuresOf, isCount } from '../../core/figures.ts'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { HEALTHS, PHASES } from '../../core/state.ts'
import { tally } from '../../core/status/counts.ts'
import { label } from '../common/label.ts'
import { FIGURE, FROM, HEALTH, NAME, OUTCOME, SERVICE, STATE, TO } from './attributes.ts'

/** From what hardly takes time to beyond the default limits: drain and stop 10 s, start 30 s. */
const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60]

/** Counts what happens in a group; what is true is read off when it is collected. Returns what ends that. */
export const measure = (group: Pick<ServiceGroup<string, never>, 'name' | 'events$'>, meter: Meter): (() => void) => {
  const { name } = group
  const whole: Attributes = { [NAME]: label(name) }
  const attributesOf = (service: string): Attributes => ({ ...whole, [SERVICE]: label(service) })

  // All states are told each time, as OpenTelemetry has it for a status: 1 for the one that is true.
  const upDown = (what: string, unit: string, description: string) =>
    meter.createObservableUpDownCounter(`service_group.${what}`, { unit, description })
  const groupState = upDown('state', '1', 'Lifecycle state of the group: 1 for the one it is in')
  const groupHealth = upDown('health', '1', 'Health of the group: 1 for what it is')
  const ready = upDown('ready', '1', 'Whether the group should be sent work')
  const state = upDown('service.state', '{service}', 'Lifecycle state of a service: 1 for the one it is in')
  const health = upDown(
    'service.health',
    '{service}',
    'Health of a service: 1 for what it is; none while it does not run',
  )
  const pending = upDown('service.pending', '{item}', 'What a service that drains or stops has still to finish')
  const figure = meter.createObservableGauge('service_group.service.figure', {
    unit: '1',
    description: 'A number that a service tells in its info, ten at most: how much is in flight, and the like',
  })
  const count = meter.createObservableCounter('service_group.service.count', {
    unit: '{item}',
    description: 'A number that counts up in the info of a service: how much it has handled, and the like',
  })

  const counter = (what: string, unit: string, description: string) =>
    meter.createCounter(`service_group.service.${what}`, { unit, description })
  const transitions = counter('transitions', '{transition}', 'How often a service went from one state to another')
  const restarts = counter('restarts', '{restart}', 'How often a service began to start again')
  const workFailures = counter('work.failures', '{failure}', 'How many pieces of work of a service have failed')

  const duration = (what: string, description: string): Histogram =>
    meter.createHistogram(`service_group.${what}.duration`, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: BUCKETS },
    })
  const groupDurations = {
    start: duration('start', 'How long starts of the whole group took'),
    shutdown: duration('shutdown', 'How long shutdowns of the whole group took, from what asked for it to the end'),
  }
  const durations = {
    start: duration('service.start', 'How long starts of a service took'),
    drain: duration('service.drain', 'How long drains of a service took'),
    stop: duration('service.stop', 'How long stops of a service took, from its own turn on'),
  }

  const counted = tally(group, {
    transitioned: (service, from, to) => transitions.add(1, { ...attributesOf(service), [FROM]: from, [TO]: to }),
    restarted: service => restarts.add(1, attributesOf(service)),
    workFailed: (service, count) => workFailures.add(count, attributesOf(service)),
    stageEnded: (service, stage, outcome, took) =>
      durations[stage].record(took / 1000, { ...attributesOf(service), [OUTCOME]: outcome }),
    groupEnded: (stage, outcome, took) => groupDurations[stage].record(took / 1000, { ...whole, [OUTCOME]: outcome }),
  })

  const observe = (result: BatchObservableResult): void => {
    const { status } = counted
    for (const phase of PHASES) result.observe(groupState, Number(status.phase === phase), { ...whole, [STATE]: phase })
    for (const one of HEALTHS) result.observe(groupHealth, Number(status.health === one), { ...whole, [HEALTH]: one })
    result.observe(ready, Number(status.ready), whole)
    for (const { path, state: now } of status.list) {
      const service = attributesOf(path.slice(name.length + 1))
      for (const phase of PHASES) result.observe(state, Number(now.phase === phase), { ...service, [STATE]: phase })
      for (const one of HEALTHS)
        result.observe(health, Number(now.phase === 'running' && now.health === one), { ...service, [HEALTH]: one })
      result.observe(pending, 'pending' in now ? (now.pending ?? 0) : 0, service)
      for (const [one, value] of figuresOf(now.info))
        result.observe(isCount(one) ? count : figure, value, { ...service, [FIGURE]: label(one) })
    }
  }
  const observed = [groupState, groupHealth, ready, state, health, pending, figure, count]
  meter.addBatchObservableCallback(observe, observed)
  return () => {
    counted.unsubscribe()
    meter.removeBatchObservableCallback(observe, observed)
  }
}
