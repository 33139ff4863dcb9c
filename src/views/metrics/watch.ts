import type { ServiceGroup } from '../../core/group/service-group.ts'
import { PHASES } from '../../core/state.ts'
import { type Tally, tally } from '../../core/status/counts.ts'
import { stageOutcomes } from '../../core/status/stages.ts'
import { label } from '../common/label.ts'
import type { Instruments } from './instruments.ts'

/** Counts what happens in a group, until it is unsubscribed: that takes back all its series. */
export const watch = (
  group: Pick<ServiceGroup<string, never>, 'name' | 'events$'>,
  { transitions, restarts, workFailures, groupDurations, durations }: Instruments,
): Tally => {
  const { name } = group
  const ofGroup = label(name)
  const labelsOf = (service: string) => ({ group: ofGroup, service: label(service) })

  const forget = (service: string): void => {
    const labels = labelsOf(service)
    restarts.remove(labels)
    workFailures.remove(labels)
    for (const from of PHASES) for (const to of PHASES) transitions.remove({ ...labels, from, to })
    for (const outcome of stageOutcomes)
      for (const histogram of Object.values(durations)) histogram.remove({ ...labels, outcome })
  }

  const counted = tally(group, {
    // A counter that is there from the first has no first increase that nobody sees.
    joined: service => {
      restarts.inc(labelsOf(service), 0)
      workFailures.inc(labelsOf(service), 0)
    },
    left: forget,
    transitioned: (service, from, to) => transitions.inc({ ...labelsOf(service), from, to }),
    restarted: service => restarts.inc(labelsOf(service)),
    workFailed: (service, count) => workFailures.inc(labelsOf(service), count),
    stageEnded: (service, stage, outcome, took) =>
      durations[stage].observe({ ...labelsOf(service), outcome }, took / 1000),
    groupEnded: (stage, outcome, took) => groupDurations[stage].observe({ group: ofGroup, outcome }, took / 1000),
  })
  return {
    get status() {
      return counted.status
    },
    unsubscribe() {
      counted.unsubscribe()
      for (const { path } of counted.status.list) forget(path.slice(name.length + 1))
      for (const outcome of stageOutcomes)
        for (const histogram of Object.values(groupDurations)) histogram.remove({ group: ofGroup, outcome })
    },
  }
}
