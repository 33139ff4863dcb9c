import { builtinModule } from '../platform.ts'
import type { GroupEvent, TransitionEvent } from './events.ts'
import type { GroupStatus } from './status.ts'

/**
 * The message of Node's diagnostics channel `rx-service-group:transition`: a transition of an outermost group of the
 * process, or of a service inside it. All groups publish there by themselves. A subscriber that throws is an uncaught
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
  /** The outermost group after the transition. `status.service(event.path)` is the status of the service. */
  readonly status: GroupStatus
}

interface Channel {
  readonly hasSubscribers: boolean
  publish(message: TransitionMessage): void
}

interface Diagnostics {
  channel(name: string): Channel
}

/** `undefined`: not looked for yet. `null`: the platform has no such channel. */
let channel: Channel | null | undefined

/** Whether the channel has a subscriber. Without one this check is the whole cost of a transition. */
export const hasSubscribers = (): boolean => {
  // An import would keep the core out of browsers.
  if (channel === undefined) {
    const diagnostics = builtinModule<Diagnostics>('node:diagnostics_channel')
    channel = diagnostics?.channel('rx-service-group:transition') ?? null
  }
  return channel?.hasSubscribers ?? false
}

export const publish = (event: GroupEvent, status: GroupStatus): void => {
  if (event.kind === 'transition' && hasSubscribers()) channel!.publish({ event, status })
}
