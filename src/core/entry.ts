import type { Placed } from './plan.ts'
import type { Service } from './service.ts'

/** What a normal end of a service means for its group. */
export type OnEnd = 'continue' | 'stop-group'

/** A service as it was added, behaviours applied. */
export interface Entry extends Placed {
  readonly path: string
  readonly service: Service
  /** The group goes on without it. */
  readonly optional?: boolean | undefined
  readonly onEnd?: OnEnd | undefined
  /** Tells what is inside it that it will never start. */
  readonly dismiss?: (() => void) | undefined
}
