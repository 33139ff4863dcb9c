import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Handler, type Route, send } from '../common/listener.ts'

/** The page and what it loads, as texts. */
export interface Page {
  readonly html: string
  readonly css: string
  readonly js: string
}

/** The routes of the page. A browser asks each time, and gets a text again only when it has changed. */
export const assets = ({ html, css, js }: Page): Readonly<Record<string, Route>> => {
  const page = serve('text/html', html)
  return {
    '': { GET: exchange => toFolder(exchange) || page(exchange) },
    'page.js': { GET: serve('text/javascript', js) },
    'page.css': { GET: serve('text/css', css) },
  }
}

const serve = (type: string, text: string): Handler => {
  const tag = `"${createHash('sha256').update(text).digest('base64url')}"`
  return ({ request, response }) => {
    response.setHeader('ETag', tag)
    response.setHeader('Cache-Control', 'no-cache')
    if (!isKnown(request, tag)) return send(response, 200, `${type}; charset=utf-8`, text)
    response.statusCode = 304
    response.end()
  }
}

const isKnown = ({ headers }: IncomingMessage, tag: string): boolean =>
  (headers['if-none-match'] ?? '').split(',').some(known => ['*', tag].includes(known.trim().replace(/^W\//, '')))

/**
 * Relative addresses in the page are those of a folder: from `/admin` to `./admin/`, whatever a proxy puts before it.
 * Returns false when the request is for a folder. The page itself sees to what a proxy has cut off.
 */
const toFolder: Handler = ({ request, response }) => {
  // Express, connect and middie keep what was asked for, before they cut off where this is mounted.
  const { originalUrl } = request as { readonly originalUrl?: string }
  const [path = '/', query] = (originalUrl ?? '/').split(/(?=\?)/)
  if (path.endsWith('/')) return false
  response.statusCode = 307
  response.setHeader('Location', `./${path.slice(path.lastIndexOf('/') + 1)}/${query ?? ''}`)
  response.end()
  return true
}
