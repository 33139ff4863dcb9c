import type { IncomingMessage } from 'node:http'
import { type Connection, isUpgraded } from './connections.ts'

const AT_MOST = 5

/** What was under way, for people: `GET /slow (2), POST /orders, an upgraded socket, 4 more`. */
export const routesOf = (connections: readonly Connection[]): string => {
  const counts = new Map<string, number>()
  for (const connection of connections) {
    const route = isUpgraded(connection) ? 'an upgraded socket' : routeOf(connection.last!.req)
    counts.set(route, (counts.get(route) ?? 0) + 1)
  }
  const routes = [...counts].sort(([, a], [, b]) => b - a)
  const shown = routes.slice(0, AT_MOST).map(([route, count]) => (count === 1 ? route : `${route} (${count})`))
  const more = routes.slice(AT_MOST).reduce((sum, [, count]) => sum + count, 0)
  return more === 0 ? shown.join(', ') : `${shown.join(', ')}, ${more} more`
}

/** Without the query, which may hold secrets. Express rewrites `url` and keeps the original. */
const routeOf = (request: IncomingMessage & { originalUrl?: string }): string => {
  const [path = ''] = (request.originalUrl ?? request.url ?? '').split('?')
  return `${request.method} ${path.length > 80 ? `${path.slice(0, 80)}...` : path}`
}
