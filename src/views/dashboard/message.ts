import { jsonOf } from '../../core/status/recording.ts'

/** A message of an event stream. */
export const message = (event: string, data: object): Buffer =>
  Buffer.from(`event: ${event}\ndata: ${jsonOf(data)}\n\n`)
