import type { RestartOptions, Step, Strategy } from 'rx-service-group'

/** When a service makes a call by itself: as it begins, or as it is told a step. */
export type Moment = 'start' | Step

/** One service of a scene. It does only what the exploration tells it. */
export interface Placing {
  readonly name: string
  readonly dependsOn?: readonly string[]
  readonly observer?: true
  readonly optional?: true
  readonly restart?: RestartOptions
  readonly onEnd?: 'stop-group'
  /** The service has something to drain. */
  readonly drains?: true
  /** The service ends well instead of becoming running. */
  readonly job?: true
  /** The service is running, drained and gone as soon as it is asked to be. */
  readonly quick?: true
  /** The service completes some time after it has said `stopped`. */
  readonly lingers?: true
  /** A call that the service makes once, from inside its own code. */
  readonly inside?: Readonly<Partial<Record<Moment, string>>>
  readonly startTimeout?: number
  readonly stopTimeout?: number
  /** The members of a nested group; then only the options of `add` count. */
  readonly group?: readonly Placing[]
  readonly strategy?: Strategy
}

/** A small group, and all that may happen to it. */
export interface Scene {
  readonly title: string
  readonly members: readonly Placing[]
  readonly strategy?: Strategy
  /** `steps`: the exploration subscribes to the lifecycle of the group and tells it the steps. Default: `start()`. */
  readonly lead?: 'start' | 'steps'
  /**
   * Each may be made once, at any time: `stop`, `force`, `stop b`, `restart b`, `remove b`, `add d`, `tell drain`,
   * `inner.stop`. `renew b`: a restart of `b` without its dependents.
   */
  readonly calls?: readonly string[]
  /** Each may be made once, by a listener of `events$`, at any event. */
  readonly late?: readonly string[]
  /** The listener listens to this nested group instead of the outermost one. */
  readonly hears?: string
  /** The services that a call may add. */
  readonly later?: readonly Placing[]
  /** The services that may fail or end by themselves. Default: all. */
  readonly mortal?: readonly string[]
  /** A number lets the whole shutdown run out of its time. Default: it never does. */
  readonly shutdownTimeout?: number
  readonly drainDelay?: number
  readonly maxRestarts?: number
}

/** No other timer of a scene has so many milliseconds. */
export const RESTART_DELAY = 1

/** Restarted at most so often. */
export const permanent = (maxRestarts = 1): RestartOptions => ({
  policy: 'permanent',
  initialDelay: RESTART_DELAY,
  factor: 1,
  jitter: 0,
  maxRestarts,
})
