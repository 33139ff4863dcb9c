/** One service as it is planned. Times are milliseconds; `Infinity`: no limit. */
export interface PlannedService {
  readonly path: string
  /** 0 for those that begin first. All others begin after a service of the level before theirs, in their group. */
  readonly level: number
  /** The paths of the services that it starts after, and stops before. */
  readonly after: readonly string[]
  readonly observer?: true
  readonly optional?: true
  readonly startTimeout: number
  readonly drainTimeout: number
  readonly stopTimeout: number
}

/** The order and the longest times of a group, as they are known before its start. Plain JSON, but for `Infinity`. */
export interface GroupPlan {
  readonly group: string
  /** In an order of start; a group comes before the services inside it. A stop goes the other way. */
  readonly services: readonly PlannedService[]
  /** The paths of the group's own services by level. Those of one level may start at the same time. */
  readonly levels: readonly (readonly string[])[]
  /** The longest start, in milliseconds: each service takes its `startTimeout`. */
  readonly longestStart: number
  /**
   * The longest shutdown, in milliseconds, from its trigger until all is gone or abandoned: the drain delay, then each
   * drain and each stop takes its timeout, and the `shutdownTimeout` of the group cuts them.
   */
  readonly longestStop: number
  /** The grace period that a platform must give: the longest shutdown, and a second for the end of the process. */
  readonly grace: number
  /** The line for a pod of Kubernetes: `terminationGracePeriodSeconds: 38`. `''` when there is no limit. */
  readonly kubernetes: string
}
