import { builtinModule } from '../platform.ts'
import type { GroupEvent, TransitionEvent } from './events.ts'
import type { GroupStatus } from './status.ts'

/**
 * What subscribers of Node's diagnostics channel `rx-service-group:transition` get: each transition of each outermost
 * group of the process, and of all inside it, without anything to be done for a group. One that throws is an uncaught
 * exception, as Node has it.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel'
 * import type { TransitionMessage } from 'rx-service-group'
 *
 * subscribe('rx-service-group:transition', message => {
 *   const { event, status } = message as TransitionMessage
 *   console.log(event.path, event.state.phase, status.health)
 * })
 * await serviceGroup('shop').start()
 * ```
 */
export interface TransitionMessage {
  readonly event: TransitionEvent
  /** The whole outermost group after it; `status.service(event.path)` is the service's own. */
  readonly status: GroupStatus
}

interface Channel {
  readonly hasSubscribers: boolean
  publish(message: TransitionMessage): void
}

interface Diagnostics {
  channel(name: string): Channel
}

/** Not looked for yet; `null`: this is not Node, nor anything like it. */
let channel: Channel | null | undefined

/** Whether somebody listens. Asked for each transition, so it is the whole cost while nobody does. */
export const hasSubscribers = (): boolean => {
  // An import would keep the core out of browsers; this finds the module without one, and only where there is one.
  if (channel === undefined) {
    const diagnostics = builtinModule<Diagnostics>('node:diagnostics_channel')
    channel = diagnostics?.channel('rx-service-group:transition') ?? null
  }
  return channel?.hasSubscribers ?? false
}

export const publish = (event: GroupEvent, status: GroupStatus): void => {
  if (event.kind === 'transition' && hasSubscribers()) channel!.publish({ event, status })
}
