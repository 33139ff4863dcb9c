import { readFileSync } from 'node:fs'

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>
}

/** The place of a package that another imports: in its folder, or in a folder above. */
const placeOf = (name: string, from: string): string | undefined => {
  const place = `${from}${from && '/'}node_modules/${name}`
  if (place in packages) return place
  if (from === '') return undefined
  return placeOf(name, from.includes('/node_modules/') ? from.slice(0, from.lastIndexOf('/node_modules/')) : '')
}

/** The names of all packages that come with one: its dependencies and required peers, and theirs. */
export const packagesOf = (name: string): readonly string[] => {
  const found = new Set<string>()
  const visit = (place: string): void => {
    const { dependencies, peerDependencies = {}, peerDependenciesMeta = {} } = packages[place] ?? {}
    const required = Object.keys(peerDependencies).filter(peer => !peerDependenciesMeta[peer]?.optional)
    for (const next of [...Object.keys(dependencies ?? {}), ...required]) {
      const where = placeOf(next, place)
      if (where === undefined || found.has(where)) continue
      found.add(where)
      visit(where)
    }
  }
  visit(name === 'rx-service-group' ? '' : `node_modules/${name}`)
  return [...found].map(place => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length))
}
