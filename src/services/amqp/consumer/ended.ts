import type { Delivery } from './delivery.ts'

/** How the work on a message ended: well, by a failure, or because it was asked to end. */
export type Ended =
  | { readonly how: 'done' }
  | { readonly how: 'aborted' }
  | { readonly how: 'failed'; readonly error: unknown }

export const DONE: Ended = { how: 'done' }
export const ABORTED: Ended = { how: 'aborted' }

/** Told once for each message; a message that was taken back meanwhile is ignored. */
export type OnEnded = (delivery: Delivery, ended: Ended) => void
