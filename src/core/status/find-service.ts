import { ServiceError } from '../errors.ts'

/**
 * The path of the service that a name means, if there is one: a path from the outermost group or from this group on,
 * the name of a service of this group, or else the name of a service inside a nested group.
 *
 * @throws ServiceError `ERR_AMBIGUOUS_NAME`
 */
export const findService = (
  name: string,
  group: string,
  paths: { has(path: string): boolean; all(): readonly string[] },
): string | undefined => {
  if (name.startsWith(`${group}/`) && paths.has(name)) return name
  const own = `${group}/${name}`
  if (paths.has(own)) return own
  const nested = paths.all().filter(path => path.endsWith(`/${name}`) && paths.has(path))
  if (nested.length < 2) return nested[0]
  const all = nested.map(path => path.slice(group.length + 1)).join(', ')
  const what = `"${name}" may be ${all}; give one of these paths`
  throw new ServiceError('ERR_AMBIGUOUS_NAME', name, `group "${group}": ${what}`)
}
