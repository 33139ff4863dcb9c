import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { RequestHandler, Router } from 'express'
import { problem } from './guard.ts'

/** The page and what it loads, from the folder that the build puts them in. */
export const assets = ({ Router }: Pick<typeof import('express'), 'Router'>, folder: URL): Router => {
  const serve =
    (file: string): RequestHandler =>
    async (_, response) => {
      const content = await readFile(new URL(file, folder)).catch(() => undefined)
      if (!content) return problem(response, 503, 'ERR_NOT_BUILT', `${file} is missing: "npm run build" makes it`)
      const tag = createHash('sha256').update(content).digest('base64url')
      response
        .set({ ETag: `"${tag}"`, 'Cache-Control': 'no-cache' })
        .type(file)
        .send(content)
    }
  return Router({ strict: true })
    .get('/', toFolder, serve('page.html'))
    .get('/page.js', serve('page.js'))
    .get('/page.css', serve('page.css'))
}

/** Relative addresses in the page are those of a folder: from `/admin` to `./admin/`, whatever a proxy puts before it. */
const toFolder: RequestHandler = ({ originalUrl }, response, next) => {
  const [path = '', query] = originalUrl.split(/(?=\?)/)
  if (path.endsWith('/')) return next()
  response.redirect(307, `./${path.slice(path.lastIndexOf('/') + 1)}/${query ?? ''}`)
}
