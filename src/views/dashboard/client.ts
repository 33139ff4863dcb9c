import type { ServerResponse } from 'node:http'

/** How many bytes may wait for a client that reads slowly, besides what it was told first. */
const MOST_UNREAD = 1024 * 1024
/** How long a client has to take the rest once its stream is over. */
const LINGER = 500

/** One event stream. It never waits for whoever reads it. */
export interface Client {
  write(chunk: Buffer): void
  end(): void
}

/**
 * Begins an event stream on a response.
 *
 * @param first what this client is told first, however long it is
 * @param leaving called when the stream is about to end, whoever ends it: what is due can still be written
 * @param gone called once nothing more can be written
 */
export const openStream = (
  response: ServerResponse,
  first: readonly Buffer[],
  leaving: () => void,
  gone: () => void,
): Client => {
  response.statusCode = 200
  response.setHeader('content-type', 'text/event-stream')
  // Neither kept nor packed by anyone in between, who would also hold it back.
  response.setHeader('cache-control', 'no-store, no-transform')
  response.setHeader('x-accel-buffering', 'no')
  // A message to a client that is going at this moment is lost, and that is all.
  response.on('error', () => {})

  let linger: NodeJS.Timeout | undefined
  response.once('close', () => {
    clearTimeout(linger)
    gone()
  })
  const end = response.end as (...args: unknown[]) => ServerResponse
  // A server that drains ends event streams without asking.
  response.end = ((...args: unknown[]) => {
    if (!response.writableEnded) {
      leaving()
      gone()
      linger = setTimeout(() => response.destroy(), LINGER).unref()
    }
    return end.apply(response, args)
  }) as typeof response.end

  for (const chunk of first) response.write(chunk)
  const most = response.writableLength + MOST_UNREAD
  return {
    write: chunk => {
      if (response.writableLength <= most) return void response.write(chunk)
      gone()
      response.destroy()
    },
    end: () => response.end(),
  }
}
