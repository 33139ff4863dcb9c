import type { ErrorInfo } from '../errors.ts'
import type { Health, ServiceState, StopReason } from '../state.ts'
import type { ServiceStatus } from './service-status.ts'

/** The fields that all events but a snapshot share. */
export interface NumberedEvent {
  readonly seq: number
  /** The wall clock's time of the event, in milliseconds since the epoch. */
  readonly at: number
  /**
   * How far the wall clock was set since the event before, in milliseconds, if it was set. A status moves all earlier
   * times by as much, so that the difference of two times is a duration.
   */
  readonly clockSet?: number
}

/** The whole group at one moment. It is the first event of each subscriber. */
export interface SnapshotEvent {
  readonly kind: 'snapshot'
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly group: ServiceStatus
  /** The health of the group. A leaving group keeps the health it had, which its state no longer tells. */
  readonly health: Health
  /** The first reason that the group was asked to end for, if it was. */
  readonly trigger?: StopReason
  readonly services: readonly ServiceStatus[]
}

/**
 * A service has joined, and is idle. A known service begins a new incarnation: it was over, and is restarted by hand or
 * with its group. When the path is that of the group, all its services are told again too.
 */
export interface AddedEvent extends NumberedEvent {
  readonly kind: 'added'
  readonly path: string
  readonly dependsOn?: readonly string[]
  readonly observer?: true
  readonly optional?: true
}

/** A service was removed, with all services inside it. */
export interface RemovedEvent extends NumberedEvent {
  readonly kind: 'removed'
  readonly path: string
}

/** A service, or the group itself, has a new state. */
export interface TransitionEvent extends NumberedEvent {
  readonly kind: 'transition'
  /** The path in the tree: `shop/workers/mailer`. The outermost group is `shop`. */
  readonly path: string
  readonly state: ServiceState
}

/**
 * A piece of work of a service has failed, such as the handler of a message or a scheduled run. No state changes by it.
 * A service tells ten a second at most. The last one of a second is always told.
 */
export interface FailureEvent extends NumberedEvent {
  readonly kind: 'failure'
  readonly path: string
  /** The work, for people: `message of queue "orders", attempt 2`. */
  readonly what: string
  readonly error: ErrorInfo
  /** How many more have failed since the last such event of the service. They are not told one by one. */
  readonly omitted?: number
}

/** Whether somebody may do what was asked for. What comes of it is told by the transitions that follow. */
export type RequestOutcome = 'accepted' | 'refused'

/**
 * Somebody has asked for something from outside, such as a restart on the dashboard. No state changes by it. All that
 * is accepted is told. Of what is refused ten a second are told at most; the last one of a second is always told.
 */
export interface RequestEvent extends NumberedEvent {
  readonly kind: 'request'
  /** The service that it is for, or the group itself. */
  readonly path: string
  /** The action, such as `restart`. Left out when the request was refused unread. */
  readonly action?: string
  /** The person or program that has asked: an address, or a name. */
  readonly by: string
  readonly outcome: RequestOutcome
  /** Why it was refused, for people. */
  readonly reason?: string
  /** How many more were refused since the last such event. They are not told one by one. */
  readonly omitted?: number
}

/** The particulars of a request. */
export type ToldRequest = Omit<RequestEvent, 'kind' | keyof NumberedEvent>

/**
 * An event of a group. A stream of them is a snapshot, then numbered events without a gap. Plain JSON. Later versions
 * may have more kinds: leave out a kind that you do not know, as the status does.
 */
export type GroupEvent = SnapshotEvent | AddedEvent | RemovedEvent | TransitionEvent | FailureEvent | RequestEvent
