/** The API reference, made by `npm run docs` from the docstrings: a module for each entry of the package. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Converter } from 'typedoc'

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

/** Modules are called as they are imported, not after their files. */
const callModulesByEntry = app =>
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_, reflection) => {
    const file = reflection.parent?.isProject() ? `${reflection.name.replace(/^index$/, '')}/index.ts` : ''
    const entry = entries.get(file.replace(/^\//, ''))
    if (entry) reflection.name = entry
  })

export default {
  name,
  tsconfig: at('tsconfig.json'),
  entryPoints: [...entries.keys()].map(file => at(`src/${file}`)),
  plugin: [callModulesByEntry],
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
