import type { AddOptions } from '../../core/group/entry.ts'
import { must } from '../../core/options.ts'

/** A class of a provider, or the name of a service. */
// biome-ignore lint/suspicious/noExplicitAny: a constructor of any class
export type Dependency = string | (new (...parameters: any[]) => unknown)

/** How a provider is a service of the group. */
export interface GroupServiceOptions extends Omit<AddOptions<string>, 'dependsOn'> {
  /** Default: the `name` of the instance, or the name of its class. */
  readonly name?: string
  /** The services that it needs running: classes with `@GroupService()`, or names. */
  readonly dependsOn?: readonly Dependency[]
}

/** The key under which a class keeps its options, in every copy of this library. */
const KEY = Symbol.for('rx-service-group.nest.service')

/**
 * Makes the class of a provider a service of the group: it has `start()`, `stop()`, or any other hook of a service.
 * Services start in the order in which their modules are set up, imported modules first, then that of the providers.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * class Database {
 *   start = () => console.log('open')
 *   stop = () => console.log('close')
 * }
 * GroupService({ name: 'db', stopTimeout: 5_000 })(Database) // or: @GroupService({ name: 'db' }) above the class
 * ```
 */
export const GroupService = (options: GroupServiceOptions = {}): ((target: object) => void) => {
  const whose = { kind: '@GroupService()', name: '' }
  must(whose, 'options', typeof options === 'object' && options !== null, 'an object', options)
  const { name, dependsOn } = options
  must(whose, 'name', name === undefined || typeof name === 'string', 'a text', name)
  must(whose, 'dependsOn', dependsOn === undefined || Array.isArray(dependsOn), 'a list of classes or names', dependsOn)
  return target => void Object.defineProperty(target, KEY, { value: options })
}

/** The options of a class that has the decorator itself. A class that only extends one has not. */
export const markOf = (target: unknown): GroupServiceOptions | undefined =>
  typeof target === 'function' && Object.hasOwn(target, KEY)
    ? (target as unknown as Record<symbol, GroupServiceOptions>)[KEY]
    : undefined
