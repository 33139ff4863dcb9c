import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { Handler } from '../common/listener.ts'

/**
 * The page may use nothing but what comes with it, and nobody else may use the page.
 *
 * @param html the page. A script that stands in it may run as it stands there
 */
export const policyFor = (html: string): string => {
  const scripts = Array.from(html.matchAll(/<script>(.*?)<\/script>/gs), ([, script = '']) => script)
  const hashes = scripts.map(script => ` 'sha256-${createHash('sha256').update(script).digest('base64')}'`)
  return [
    "default-src 'none'",
    `script-src 'self'${hashes.join('')}`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Sets the headers that protect the page. */
export const protect = (policy: string): Handler => {
  const headers = Object.entries({
    'Content-Security-Policy': policy,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  })
  return ({ response }) => {
    for (const [name, value] of headers) response.setHeader(name, value)
  }
}

/** The text for a request under a name that we do not know; `undefined` for one that we know. */
export const unknownHost = (host: string | undefined, hosts: readonly string[]): string | undefined => {
  const name = hostnameOf(host)
  if (isOurs(name, hosts)) return undefined
  return `this dashboard is not known as "${name}": add it to the option "hosts"`
}

/**
 * A page from elsewhere can give its own name our address (DNS rebinding), and would then be of the same origin; it
 * can't give an address or `localhost` another meaning.
 */
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
