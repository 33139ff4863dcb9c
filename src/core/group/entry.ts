import { type Deadlines, deadline } from '../behaviors/deadline.ts'
import { endAsFailure } from '../behaviors/end-as-failure.ts'
import { type HealthCheck, healthCheck } from '../behaviors/health-check.ts'
import { type Heartbeat, heartbeat } from '../behaviors/heartbeat.ts'
import { legal } from '../behaviors/legal.ts'
import {
  policyOf,
  type RestartOptions,
  type RestartPolicy,
  type RestartRules,
  restartRules,
} from '../behaviors/restart-options.ts'
import type { Clock } from '../clock.ts'
import { DEADLINES, UNBOUNDED } from '../defaults.ts'
import { duration, flag, known, must, namesOf, oneOf, refuse } from '../options.ts'
import type { Placed } from '../plan.ts'
import { mayBlock, type Service } from '../service.ts'
import type { ServiceState } from '../state.ts'
import type { Holder } from './inside-calls.ts'
import type { Nestable } from './nesting.ts'
import type { Inner } from './planning.ts'
import type { Requests } from './requests.ts'

/** The effect of a service's normal end on its group. */
export type OnEnd = 'continue' | 'stop-group' | 'restart' | 'fail'

/** How one service behaves in its group. Times are milliseconds; `Infinity` turns a clock off. */
export interface AddOptions<Known extends string = string> {
  /**
   * The services this one starts after and stops before. When left out: all that were added before it. An empty list
   * means none.
   */
  readonly dependsOn?: readonly (Known | (string & {}))[]
  /** How long the service may take to become running. Default 30,000; for a group `Infinity`. */
  readonly startTimeout?: number
  /** How long the service may take to finish what it holds. Default 10,000; for a group `Infinity`. */
  readonly drainTimeout?: number
  /**
   * How long a stop may take, from the service's own turn, before it is forced. Default 10,000; for a group `Infinity`.
   */
  readonly stopTimeout?: number
  /** A check that is repeated while the service runs, and the effect of its failure. Default: none. */
  readonly healthCheck?: HealthCheck
  /**
   * How often the service must call the `heartbeat()` of its context while it runs, and the effect of missed calls.
   * Default: never. Refused for a group: give it to the services inside.
   */
  readonly heartbeat?: Heartbeat
  /**
   * The policy for a service that ends without having been asked to: `'permanent'`, `'transient'` or `'temporary'`, or
   * an object with the policy and the numbers. When left out, it is not restarted, and its failure ends the group.
   */
  readonly restart?: RestartPolicy | RestartOptions
  /** The service lets people watch the others. It starts before and stops after them, and does not drain. */
  readonly observer?: boolean
  /**
   * The group can do without the service. When it fails, at start or later, the group runs on with health `warn` that
   * names it, also while a failed start is tried again. Services that name it in `dependsOn` and have not started fail
   * too. The error is in the report, which is not `ok`. Default false.
   */
  readonly optional?: boolean
  /**
   * The effect on the group when a service ends well: `'continue'`; `'stop-group'`, a graceful shutdown with the
   * reason `{ by: 'end', service }` once the group is running; `'restart'`, with the numbers of `restart`; or `'fail'`:
   * the end is a failure with `ERR_SERVICE_FAILED`. The policy of `restart` still decides about a failure. An end that
   * was asked for has no such effect. Default `'continue'`.
   */
  readonly onEnd?: OnEnd
}

/** A service as it was added, inside all behaviours but the restart. The group itself adds that one. */
export interface Entry extends Placed {
  readonly path: string
  readonly service: Service
  readonly restart?: RestartRules | undefined
  /** The group can do without the service. */
  readonly optional?: boolean | undefined
  /** The group goes on when the service fails after it has run. */
  readonly temporary?: boolean | undefined
  readonly onEnd?: OnEnd | undefined
  /** The timeouts of the service. Other copies of this library may not tell. */
  readonly deadlines?: Deadlines
  readonly inside?: Inside | undefined
}

/** The access that an outer group has to a nested group, which may be of another copy of this library. */
export interface Inside {
  readonly group: Nestable
  /** The nested group is now in the outer one, and its events go on to the journal there. */
  readonly enter: (outer: Nestable, entry: Entry) => void
  readonly requests: Requests
  /** The members that hold up the end of the nested group. `undefined` while that is not live. */
  readonly holders: () => readonly Holder[] | undefined
  /**
   * Why the start of the nested group takes so long.
   *
   * @param path stands before the names of its members: `workers/`
   */
  readonly explain: (path?: string) => string
  /** How many services of the nested group stop one after another. Other copies of this library may not tell. */
  readonly turns?: () => number
  /** The plan of the nested group, likewise. */
  readonly plan?: () => Inner
  /** Throws when the members have no order. */
  readonly check: () => void
  /** The nested group never starts. */
  readonly dismiss: () => void
  /** Tells the nested group its state as the outer group knows it, behaviours included. */
  readonly tell: (state: ServiceState) => void
  /** The nested group was over, and begins anew. */
  readonly renew: () => void
}

/**
 * Checks the options of a service, and puts its behaviours around it:
 * endAsFailure(healthCheck(heartbeat(deadline(service)))).
 */
export const entryOf = (
  service: Service,
  path: string,
  options: AddOptions,
  clock: Clock,
  inside: Inside | undefined,
  forceTimeout: () => number,
): Entry => {
  const { name } = service
  known(name, options, OPTIONS)
  const { dependsOn, onEnd } = options
  const areNames = Array.isArray(dependsOn) && dependsOn.every(other => typeof other === 'string')
  must(name, 'dependsOn', dependsOn === undefined || areNames, 'an array of names', dependsOn)
  flag(name, 'observer', options.observer)
  flag(name, 'optional', options.optional)
  if (onEnd !== undefined) oneOf(name, 'onEnd', ENDS, onEnd)
  const again = onEnd === 'restart'
  const rules = options.restart === undefined && !again ? undefined : restartRules(name, options.restart, again)
  if (inside && options.heartbeat)
    refuse(name, 'a group has no heartbeat of its own; set heartbeat on the services inside it')
  // A group says only legal states.
  const checked = inside ? service : legal(service)
  const likely = mayBlock(service) ? BLOCKING : undefined
  const deadlines = deadlinesOf(name, options, inside ? UNBOUNDED : DEADLINES)
  const bounded = deadline(checked, deadlines, clock, { explain: inside?.explain, likely, forceTimeout })
  const beating = options.heartbeat !== undefined ? heartbeat(bounded, options.heartbeat, clock) : bounded
  const watched = options.healthCheck !== undefined ? healthCheck(beating, options.healthCheck, clock) : beating
  return {
    name,
    path,
    service: onEnd === 'fail' ? endAsFailure(watched) : watched,
    restart: rules,
    dependsOn: dependsOn && [...dependsOn],
    observer: options.observer,
    optional: options.optional,
    temporary: policyOf(options.restart) === 'temporary',
    onEnd,
    deadlines,
    inside,
  }
}

/** The advice for a start that never settles. */
const BLOCKING = 'raise startTimeout, or make it a task if start() runs for its whole life'

const deadlinesOf = (name: string, options: AddOptions, defaults: Deadlines): Deadlines => {
  const { startTimeout, drainTimeout, stopTimeout } = options
  if (startTimeout === undefined && drainTimeout === undefined && stopTimeout === undefined) return defaults
  return {
    startTimeout: duration(name, 'startTimeout', startTimeout, defaults.startTimeout),
    drainTimeout: duration(name, 'drainTimeout', drainTimeout, defaults.drainTimeout),
    stopTimeout: duration(name, 'stopTimeout', stopTimeout, defaults.stopTimeout),
  }
}

const ENDS = ['continue', 'stop-group', 'restart', 'fail'] as const satisfies OnEnd[]

const OPTIONS = namesOf<AddOptions>({
  dependsOn: true,
  startTimeout: true,
  drainTimeout: true,
  stopTimeout: true,
  healthCheck: true,
  heartbeat: true,
  restart: true,
  observer: true,
  optional: true,
  onEnd: true,
})
