import type { Service } from '../../core/service.ts'
import type { StateOf } from '../../core/state.ts'

/** A piece of work that a service does. */
export interface Work {
  /** Lets the work end. */
  finish(): void
  /** Resolves when the client has its result. Rejects when the work was lost. */
  readonly done: Promise<unknown>
}

/** A kind of service, and how to check it. A check whose part is left out is not made. */
export interface ConformanceSubject {
  /** Makes a service. No other service of the checks is running at that time. */
  readonly create: () => Service | Promise<Service>
  /**
   * Has the service do a little work. The running state tells its port, for example. Resolves when the work is done.
   * Rejects when it is not, after a timeout of its own if need be. It leaves nothing open.
   */
  readonly use?: (running: StateOf<'running'>) => Promise<unknown>
  /** Gives the service work that lasts until `finish` is called. Resolves when the service has begun it. */
  readonly work?: (running: StateOf<'running'>) => Promise<Work>
  /** Makes a service whose start fails. */
  readonly broken?: () => Service | Promise<Service>
  /** Makes the running service fail. */
  readonly crash?: (running: StateOf<'running'>) => unknown
  /** The longest wait of a check, in milliseconds. Default 10,000. */
  readonly timeout?: number
}
