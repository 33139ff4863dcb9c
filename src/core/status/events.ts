import type { Health, ServiceState, StopReason } from '../state.ts'
import type { ServiceStatus } from './service-status.ts'

/** The fields that all events but a snapshot share. */
interface Numbered {
  readonly seq: number
  /** The wall clock's time of the event, in milliseconds since the epoch. */
  readonly at: number
  /**
   * By how many milliseconds that clock was set since the event before, if it was. A status moves all earlier times by
   * as much, so that the difference of two times is the duration between them.
   */
  readonly clockSet?: number
}

/** What is known of everything at one moment; the first event a listener gets. */
export interface SnapshotEvent {
  readonly kind: 'snapshot'
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly group: ServiceStatus
  /** What the group's own state may no longer tell: a group on its way out keeps the health it had. */
  readonly health: Health
  /** What asked the group to end first, once something has. */
  readonly trigger?: StopReason
  readonly services: readonly ServiceStatus[]
}

/**
 * A service has joined; it is idle. One that is there already begins anew: it was over, and is restarted by hand, or
 * with the group that it is in. For the group's own path all that is in it is told again too.
 */
export interface AddedEvent extends Numbered {
  readonly kind: 'added'
  readonly path: string
  readonly dependsOn?: readonly string[]
  readonly observer?: true
  readonly optional?: true
}

/** A service has been removed, with all that is inside it. */
export interface RemovedEvent extends Numbered {
  readonly kind: 'removed'
  readonly path: string
}

/** A service, or the group itself, has come to a new state. */
export interface TransitionEvent extends Numbered {
  readonly kind: 'transition'
  /** Where in the tree: `shop/workers/mailer`. The outermost group is `shop`. */
  readonly path: string
  readonly state: ServiceState
}

/** All that happens in a group: a snapshot, then numbered events without a gap. Plain JSON. */
export type GroupEvent = SnapshotEvent | AddedEvent | RemovedEvent | TransitionEvent
