import type { Info } from '../../../core/state.ts'

/** What a consumer stands on, from the ground up. */
export type Level = 'connection' | 'channel' | 'consumer'

/** What there is of the three levels, in a word each; those above a missing one are missing too. */
export const levels = (missing: Level | undefined): Info => ({
  connection: missing === 'connection' ? 'connecting' : 'connected',
  channel: missing === 'connection' || missing === 'channel' ? 'closed' : 'open',
  consumer: missing === undefined ? 'consuming' : missing === 'consumer' ? 'cancelled' : 'stopped',
})
