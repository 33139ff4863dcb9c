import type { ServiceGroup } from '../../core/group/service-group.ts'
import { healthJson } from '../../views/probes/health-json.ts'
import { verdicts } from '../../views/probes/verdict.ts'

/** The answer of an indicator of @nestjs/terminus : `{ shop: { status: 'up' } }`. */
export type ServiceGroupHealth = Readonly<
  Record<string, { readonly status: 'up' | 'down'; readonly notes?: readonly string[] }>
>

/**
 * A health indicator for @nestjs/terminus 11: up while the group is ready. `notes` name the services that are not well,
 * also while a `warn` leaves the group up.
 *
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * const indicator = new ServiceGroupHealthIndicator(group) // in Nest it is injected
 * console.log(indicator.isHealthy()['shop']?.status) // down
 * ```
 */
export class ServiceGroupHealthIndicator {
  readonly #group: ServiceGroup<string, never>

  constructor(group: ServiceGroup<string, never>) {
    this.#group = group
  }

  /** @param key Default: the name of the group. */
  isHealthy(key: string = this.#group.name): ServiceGroupHealth {
    const { status } = this.#group
    const verdict = verdicts.readyz(status, true)
    const { notes } = JSON.parse(healthJson(status, verdict, { verbose: false, details: false })) as {
      readonly notes?: readonly string[]
    }
    return { [key]: { status: verdict === 'fail' ? 'down' : 'up', ...(notes && { notes }) } }
  }
}
