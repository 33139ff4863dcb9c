/** The content type of a `text/event-stream` answer. It has no end of its own. */
export const EVENT_STREAM: RegExp = /^text\/event-stream/i

/** A request in a few words: without the query, which may hold secrets. */
export const routeOf = (method: string | undefined, url: string | undefined): string => {
  const [path = ''] = (url ?? '').split('?')
  return `${method} ${path.length > 80 ? `${path.slice(0, 80)}...` : path}`
}
