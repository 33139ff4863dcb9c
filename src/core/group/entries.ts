import { ServiceError, serviceError } from '../errors.ts'
import { plan } from '../plan.ts'
import type { Journal } from '../status/journal.ts'
import type { Entry } from './entry.ts'
import type { Members } from './members.ts'

/** The services that were added to a group, and their states while the group is not live. */
export class Entries {
  readonly #group: string
  readonly #journal: Journal
  readonly #byName = new Map<string, Entry>()

  constructor(group: string, journal: Journal) {
    this.#group = group
    this.#journal = journal
  }

  get size(): number {
    return this.#byName.size
  }

  get list(): readonly Entry[] {
    return [...this.#byName.values()]
  }

  get(name: string): Entry | undefined {
    return this.#byName.get(name)
  }

  /** @throws ServiceError `ERR_DUPLICATE_NAME` */
  refuseKnown(name: string): void {
    if (!this.#byName.has(name)) return
    const why = `can't be added: group "${this.#group}" has a service of this name; give this one another name`
    throw serviceError('ERR_DUPLICATE_NAME', name, why)
  }

  add(entry: Entry): void {
    this.#byName.set(entry.name, entry)
  }

  forget(name: string): void {
    this.#byName.delete(name)
  }

  /** Makes all services members. Returns the error when a service has no place: then no service ever starts. */
  enrollIn(members: Members): unknown {
    try {
      members.enroll(this.list)
      return undefined
    } catch (error) {
      this.dismiss()
      return error
    }
  }

  /** The services that name this one in `dependsOn`. */
  dependentsOf(name: string): readonly string[] {
    return this.list.filter(({ dependsOn }) => dependsOn?.includes(name)).map(dependent => dependent.name)
  }

  /** Ends all services that have not started, the last added first. They never start. */
  dismiss(): void {
    for (const { path, inside } of this.list.toReversed()) {
      const phase = this.#journal.status.byPath(path)?.state.phase
      if (phase !== 'idle' && phase !== 'waiting') continue
      inside?.dismiss()
      const stopped = { phase: 'stopped', how: 'stopped' } as const
      this.#journal.record(path, stopped)
      inside?.tell(stopped)
    }
  }

  /** Puts all services back to `idle`. */
  renew(): void {
    for (const entry of this.list) {
      if (this.#journal.status.byPath(entry.path)?.state.phase === 'idle') continue
      this.#journal.add(entry.path, entry)
      entry.inside?.renew()
    }
  }

  /** @throws ServiceError when there is no order. The error names the group. */
  check(): void {
    try {
      plan(this.list)
      for (const { inside } of this.list) inside?.check()
    } catch (error) {
      const { code, service, message } = error as ServiceError
      throw new ServiceError(code, `${this.#group}/${service}`, `group "${this.#group}": ${message}`)
    }
  }
}
