import type { Service } from '../../core/service.ts'
import type { StateOf } from '../../core/state.ts'

/** A piece of work that a service is at. */
export interface Work {
  /** Lets it come to its end. */
  finish(): void
  /** Resolves when whoever asked for it has what they asked for; rejects when it was lost. */
  readonly done: Promise<unknown>
}

/** A kind of service, and how to try it out. What is left out is not tried. */
export interface ConformanceSubject {
  /** Makes a service. All are tried one after the other; none is running when the next is made. */
  readonly create: () => Service | Promise<Service>
  /**
   * Has it do a little work, knowing its running state (where to find its port, for example). Resolves once that is
   * done; rejects when it is not, after a time of its own if need be. It leaves nothing open.
   */
  readonly use?: (running: StateOf<'running'>) => Promise<unknown>
  /** Gives it work that lasts until it is told to finish. Resolves when the service is at it. */
  readonly work?: (running: StateOf<'running'>) => Promise<Work>
  /** Makes a service whose start fails. */
  readonly broken?: () => Service | Promise<Service>
  /** Makes the running service die. */
  readonly crash?: (running: StateOf<'running'>) => unknown
  /** How long anything may take, in milliseconds. Default 10,000. */
  readonly timeout?: number
}
