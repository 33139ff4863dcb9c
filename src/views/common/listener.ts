import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * A request listener that express, connect and middie can mount with `use`, and that anything else can call. Given
 * `next`, it hands on what it does not know; else it answers that with 404.
 */
export type ViewListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void

/** A request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
}

export type Handler = (exchange: Exchange) => unknown

/** The handlers of a path by their methods. `GET` answers HEAD too. */
export type Route = Readonly<Partial<Record<'GET' | 'POST', Handler>>>

/**
 * A listener for a few paths. What mounts it under a path, and gives `next`, cuts off that path from the url: the rest
 * is the path of a route. Without `next` nobody has cut off anything, so that only the last part of the path counts.
 *
 * @param routes by path, without the slash at the beginning
 * @param admit looks at each request to one of them first. Returns false when it has answered the request
 */
export const routed =
  (routes: Readonly<Record<string, Route>>, admit: Handler = () => true): ViewListener =>
  (request, response, next) => {
    const { path, query } = targetOf(request)
    const names = next ? [path.slice(1)] : [/[^/]*$/, /[^/]*\/$/].map(last => last.exec(path)?.[0])
    const name = names.find(one => one !== undefined && Object.hasOwn(routes, one))
    const route = name === undefined ? undefined : routes[name]
    if (!route) return next ? next() : problem(response, 404, 'ERR_NOT_FOUND', 'there is nothing here')
    const exchange = { request, response, query }
    if (admit(exchange) === false) return
    handle(exchange, route, next)
  }

/** Has a request answered by the handler of its method. An error goes to `next`, or is a 500. */
export const handle = (exchange: Exchange, route: Route, next?: (error?: unknown) => void): void => {
  const { request, response } = exchange
  const handler = route[(request.method === 'HEAD' ? 'GET' : request.method) as keyof Route]
  if (!handler) {
    response.setHeader('Allow', route.POST ? 'POST' : 'GET, HEAD')
    response.statusCode = 405
    return void response.end()
  }
  const answered = async (): Promise<unknown> => handler(exchange)
  answered().catch((error: unknown) => {
    if (next) return next(error)
    if (response.headersSent) response.destroy()
    else problem(response, 500, 'ERR_INTERNAL', 'this request could not be answered')
  })
}

/** The path and the query of a request. A proxy may be asked for a whole address. */
export const targetOf = ({
  url = '/',
}: IncomingMessage): { readonly path: string; readonly query: URLSearchParams } => {
  const [path = '', query = ''] = url.replace(/^https?:\/\/[^/?]*/i, '').split(/\?(.*)/s)
  return { path: path === '' ? '/' : path, query: new URLSearchParams(query) }
}

/** Answers with a text. */
export const send = (response: ServerResponse, status: number, type: string, text: string): void => {
  response.statusCode = status
  response.setHeader('Content-Type', type)
  response.setHeader('Content-Length', Buffer.byteLength(text))
  response.end(text)
}

export const JSON_TYPE = 'application/json; charset=utf-8'

/** An error as people and programs can read it. */
export const problem = (response: ServerResponse, status: number, code: string, error: string): void =>
  send(response, status, JSON_TYPE, JSON.stringify({ error, code }))
