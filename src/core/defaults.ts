/**
 * The default numbers of the core's options. Times are milliseconds. The defaults of an adapter stand beside its
 * options, and so do those of `run`.
 */

/** The timeouts of a service in a group. */
export const DEADLINES = { startTimeout: 30_000, drainTimeout: 10_000, stopTimeout: 10_000 } as const

/** The timeouts of a group inside another: its services have their own. */
export const UNBOUNDED: Readonly<Record<keyof typeof DEADLINES, number>> = {
  startTimeout: Infinity,
  drainTimeout: Infinity,
  stopTimeout: Infinity,
}

/** The longest shutdown of a whole group, inside the 30 s of Kubernetes. */
export const SHUTDOWN_TIMEOUT = 25_000

/** How long forced services may take to end before they are abandoned. */
export const FORCE_TIMEOUT = 1_000

/** How long a group serves on after *unready*. */
export const DRAIN_DELAY = 0

/** The waits between the restarts of a service, and its restart limit. */
export const RESTART = {
  initialDelay: 500,
  factor: 2,
  maxDelay: 30_000,
  jitter: 0.5,
  resetAfter: 30_000,
  maxRestarts: 10,
  period: 600_000,
} as const

/** The restart limit of a whole group. */
export const GROUP_RESTARTS: { readonly maxRestarts: number; readonly period: number } = {
  maxRestarts: Infinity,
  period: 600_000,
}

/** The numbers of a health check. */
export const HEALTH_CHECK = { interval: 10_000, timeout: 1_000, failureThreshold: 3, successThreshold: 1 } as const

/** How many heartbeats in a row have to be missed. */
export const HEARTBEAT_THRESHOLD = 3
