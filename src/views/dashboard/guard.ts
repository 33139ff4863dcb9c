import { isIP } from 'node:net'
import type { RequestHandler, Response } from 'express'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The page may use nothing but what comes with it, and nobody else may use the page. */
export const protect: RequestHandler = (_, response, next) => {
  response.set({
    'Content-Security-Policy': POLICY,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  })
  next()
}

/** An error as people and programs can read it. */
export const problem = (response: Response, status: number, code: string, error: string): void => {
  response.status(status).json({ error, code })
}

/**
 * Refuses requests under a name that we don't know. A page from elsewhere can give its own name our address (DNS
 * rebinding), and would then be of the same origin; it can't give an address or `localhost` another meaning.
 */
export const onlyFor =
  (hosts: readonly string[]): RequestHandler =>
  (request, response, next) => {
    const name = hostnameOf(request.headers.host)
    if (isOurs(name, hosts)) return next()
    problem(response, 403, 'ERR_UNKNOWN_HOST', `this dashboard is not known as "${name}": add it to the option "hosts"`)
  }

const isOurs = (name: string, hosts: readonly string[]): boolean =>
  isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || hosts.includes(name)

/** `[::1]:9000`, `Shop.example:9000`: without the port and the brackets, in lower case. */
const hostnameOf = (host = ''): string => {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? []
  return (bracketed ?? plain).toLowerCase()
}

/**
 * Whether a request that changes something was made by our own page, or by no page at all. Browsers tell the origin of
 * every POST. A proxy may have changed the host, hence the known ones.
 */
export const isSameOrigin = (headers: Readonly<Record<string, unknown>>, hosts: readonly string[]): boolean => {
  const { origin, host, 'sec-fetch-site': site } = headers
  if (site !== undefined && site !== 'same-origin') return false
  if (origin === undefined) return true
  if (!URL.canParse(String(origin))) return false
  const url = new URL(String(origin))
  return url.host === String(host).toLowerCase() || hosts.includes(url.hostname)
}
