/** The API reference, made by `npm run docs` from the docstrings: a module for each entry of the package. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Comment, Converter } from 'typedoc'
import { summaryOf } from './llms.mjs'

const root = new URL('..', import.meta.url)
const at = path => fileURLToPath(new URL(path, root))
const { name, exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'))

/** The names of the entries by their source: `rx-service-group/http` by `services/http/index.ts`. */
const entries = new Map(
  Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([entry, target]) => [
      target.import.default.replace('./dist/', '').replace(/\.js$/, '.ts'),
      entry.replace('.', name),
    ]),
)

/** The first sentence of the page beside an entry. */
const commentOf = file => {
  const page = file === 'index.ts' ? at('README.md') : at(`src/${dirname(file)}/README.md`)
  if (!existsSync(page)) return undefined
  return new Comment([{ kind: 'text', text: summaryOf(readFileSync(page, 'utf8')).sentence }])
}

/** Modules are called as they are imported, not after their files, and begin with their page's first sentence. */
const describeModules = app =>
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_, reflection) => {
    if (!reflection.parent?.isProject()) return
    const file = reflection.name === 'index' ? 'index.ts' : `${reflection.name}/index.ts`
    reflection.name = entries.get(file) ?? reflection.name
    reflection.comment ??= commentOf(file)
  })

export default {
  name,
  tsconfig: at('tsconfig.json'),
  entryPoints: [...entries.keys()].map(file => at(`src/${file}`)),
  plugin: [describeModules],
  out: at('docs'),
  readme: 'none',
  // The compiler has checked the sources already: `npm run check`.
  skipErrorChecking: true,
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
  excludeExternals: true,
  excludeInternal: true,
  githubPages: false,
  sourceLinkTemplate: 'https://github.com/rx-service-group/rx-service-group/blob/main/{path}#L{line}',
  externalSymbolLinkMappings: {
    '@types/node': { 'tls.connect': 'https://nodejs.org/api/tls.html#tlsconnectoptions-callback' },
  },
}
