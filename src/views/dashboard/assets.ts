import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type RequestHandler, Router } from 'express'
import { problem } from './guard.ts'

interface Asset {
  readonly content: Buffer
  readonly tag: string
}

/** The page and what it loads, from the folder that the build puts them in. Each is read when it is first asked for. */
export const assets = (folder: URL): Router => {
  const known = new Map<string, Asset>()
  const load = async (file: string): Promise<Asset> => {
    const content = await readFile(new URL(file, folder))
    const asset = { content, tag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"` }
    known.set(file, asset)
    return asset
  }
  const serve =
    (file: string): RequestHandler =>
    async (_, response) => {
      const asset = known.get(file) ?? (await load(file).catch(() => undefined))
      if (!asset) return problem(response, 503, 'ERR_NOT_BUILT', `${file} is missing: "npm run build" makes it`)
      response.set({ ETag: asset.tag, 'Cache-Control': 'no-cache' }).type(file).send(asset.content)
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
