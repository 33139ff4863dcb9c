import { filter, firstValueFrom } from 'rxjs'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import type { StopReason } from '../../core/state.ts'
import type { Report } from '../../core/status/report.ts'
import { http } from '../../services/http/index.ts'
import type { NodeServer } from '../../services/http/target.ts'

/** The name of the service that the server of an app becomes. */
const HTTP = 'http'

/**
 * A group that lives with an app of a framework. The app starts the group and stops it, unless the group was begun
 * before: then `run` or another caller leads, and the app is a service of the group.
 */
export class WithApp {
  readonly group: ServiceGroup<string, never>
  #leads = false
  #isUp = false
  #stopped: Promise<Report> | undefined

  constructor(group: ServiceGroup<string, never>) {
    this.group = group
  }

  /** The app has started the group, and its close waits for the end of the group. */
  get leads(): boolean {
    return this.#leads
  }

  /** @throws ServiceError (as a rejection) that of `group.start()` */
  async start(): Promise<void> {
    if (this.group.status.phase !== 'idle') return
    this.#leads = true
    await this.group.start()
    this.#isUp = true
  }

  /** The server of the app listens: it drains with the group, before all that its requests use stops. */
  serve(server: NodeServer): void {
    const { phase, services } = this.group.status
    if (phase !== 'running' && phase !== 'starting') return
    if (!Object.hasOwn(services, `${this.group.name}/${HTTP}`)) this.group.add(http(HTTP, server))
  }

  /** Begins the shutdown of the group. Resolves when all its services have drained. */
  async drain(reason: StopReason): Promise<void> {
    this.#isUp = false
    this.#stopped ??= this.group.stop(reason)
    const drained$ = this.group.status$.pipe(
      filter(({ phase }) => phase === 'drained' || phase === 'stopping' || phase === 'stopped' || phase === 'failed'),
    )
    await firstValueFrom(drained$, { defaultValue: undefined })
  }

  /** Resolves when the group is gone. If the app is a service of the group, that one must not wait for the group. */
  async end(): Promise<void> {
    if (this.#leads) await this.#stopped
  }

  /** Calls back when the group has gone down by itself, for example because a service failed, while the app is open. */
  onGone(gone: (report: Report) => void): void {
    this.group.status$.subscribe({ complete: () => this.#isUp && gone(this.group.report) })
  }
}
