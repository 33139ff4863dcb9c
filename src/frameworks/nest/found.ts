import type { DiscoveryService } from '@nestjs/core'
import type { AddOptions } from '../../core/group/entry.ts'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { refuse } from '../../core/options.ts'
import { type Service, type ServiceHooks, service, toService } from '../../core/service.ts'
import { type Dependency, type GroupServiceOptions, markOf } from './marked.ts'

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number]

/** A provider that is a service of the group. */
interface Found {
  readonly target: unknown
  readonly service: Service
  readonly options: GroupServiceOptions
}

const isService = (instance: unknown): instance is Service =>
  typeof (instance as Partial<Service> | undefined)?.lifecycle === 'function' &&
  typeof (instance as Partial<Service>).name === 'string'

const nameOf = ({ name }: { readonly name?: unknown }, target: { readonly name: string }): string =>
  typeof name === 'string' ? name : target.name

const foundIn = ({ metatype, instance, scope, isAlias }: Wrapper): Found | undefined => {
  if (isAlias || !metatype) return undefined
  const options = markOf(metatype)
  if (!options) return isService(instance) ? { target: metatype, service: instance, options: {} } : undefined
  const name = options.name ?? nameOf(instance, metatype as { name: string })
  // The default scope is 0. A provider of another scope has no instance that lives as long as the app.
  if (scope) refuse(name, 'its provider has a scope of its own; give it the default scope, one instance for the app')
  return {
    target: metatype,
    service: isService(instance) ? instance : service(name, instance as ServiceHooks),
    options,
  }
}

/** The providers with `@GroupService()`, and those that are a Service, in the order in which Nest sets modules up. */
const findServices = (discovery: DiscoveryService): readonly Found[] => {
  const distanceOf = ({ host }: Wrapper): number => host?.distance ?? 0
  const wrappers = discovery.getProviders().toSorted((a, b) => distanceOf(b) - distanceOf(a))
  return wrappers.flatMap(wrapper => foundIn(wrapper) ?? [])
}

const addOptionsOf = ({ name: _, dependsOn, ...others }: GroupServiceOptions, found: readonly Found[]): AddOptions => {
  const nameOfDependency = (dependency: Dependency): string =>
    typeof dependency === 'string'
      ? dependency
      : (found.find(({ target }) => target === dependency)?.service.name ?? dependency.name)
  return { ...others, ...(dependsOn && { dependsOn: dependsOn.map(nameOfDependency) }) }
}

/** Adds the services among the providers, except those that a provider has added to the group itself. */
export const addFound = (group: ServiceGroup<string, never>, discovery: DiscoveryService): void => {
  const found = findServices(discovery).filter(({ service: { name }, options, service: one }) => {
    const isAdded = Object.hasOwn(group.status.services, `${group.name}/${name}`)
    return one !== group && !(isAdded && Object.keys(options).length === 0)
  })
  for (const { service: one, options } of found)
    (group as ServiceGroup).add(toService(one), addOptionsOf(options, found) as AddOptions<never>)
}
