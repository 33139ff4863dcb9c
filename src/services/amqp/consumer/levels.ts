import type { Info } from '../../../core/state.ts'

/** The levels that a consumer stands on, from the ground up. */
export type Level = 'connection' | 'channel' | 'consumer'

/** The three levels, in a word each; all above a missing level are missing too. */
export const levels = (missing: Level | undefined): Info => ({
  connection: missing === 'connection' ? 'connecting' : 'connected',
  channel: missing === 'connection' || missing === 'channel' ? 'closed' : 'open',
  consumer: missing === undefined ? 'consuming' : missing === 'consumer' ? 'cancelled' : 'stopped',
})
