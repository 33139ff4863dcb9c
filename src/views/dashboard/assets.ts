import { createHash } from 'node:crypto'
import type { RequestHandler, Router } from 'express'

/** The page and what it loads, as texts. */
export interface Page {
  readonly html: string
  readonly css: string
  readonly js: string
}

/** Serves the page. A browser asks each time, and gets a text again only when it has changed. */
export const assets = ({ Router }: Pick<typeof import('express'), 'Router'>, { html, css, js }: Page): Router =>
  Router({ strict: true })
    .get('/', toFolder, serve('html', html))
    .get('/page.js', serve('js', js))
    .get('/page.css', serve('css', css))

const serve = (type: string, text: string): RequestHandler => {
  const tag = createHash('sha256').update(text).digest('base64url')
  return (_, response) => {
    response
      .set({ ETag: `"${tag}"`, 'Cache-Control': 'no-cache' })
      .type(type)
      .send(text)
  }
}

/** Relative addresses in the page are those of a folder: from `/admin` to `./admin/`, whatever a proxy puts before it. */
const toFolder: RequestHandler = ({ originalUrl }, response, next) => {
  const [path = '', query] = originalUrl.split(/(?=\?)/)
  if (path.endsWith('/')) return next()
  response.redirect(307, `./${path.slice(path.lastIndexOf('/') + 1)}/${query ?? ''}`)
}
