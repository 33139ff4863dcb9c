import type { LoggerService } from '@nestjs/common'
import type { DiscoveryService, HttpAdapterHost } from '@nestjs/core'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import type { StopReason } from '../../core/state.ts'
import type { NodeServer } from '../../services/http/target.ts'
import { WithApp } from '../common/with-app.ts'
import { addFound } from './found.ts'

const reasonOf = (signal: string | undefined): StopReason =>
  signal === undefined ? { by: 'call', message: 'Nest: app.close()' } : { by: 'signal', signal }

/** The hooks of Nest. The module is global, so Nest calls them first at the start and last at the end. */
export class NestLife {
  readonly #discovery: DiscoveryService
  readonly #life: WithApp
  #hasAdded = false
  #closing: Promise<void> | undefined
  #closed = (): void => {}

  constructor(
    group: ServiceGroup<string, never>,
    discovery: DiscoveryService,
    host: HttpAdapterHost,
    log: LoggerService,
  ) {
    this.#discovery = discovery
    this.#life = new WithApp(group)
    this.#life.onGone(({ outcome, errors: [error] }) =>
      log.error(`the group "${group.name}" is over: ${outcome}${error ? `: ${error.message}` : ''}`),
    )
    host.listen$?.subscribe(() => this.#life.serve(host.httpAdapter.getHttpServer() as NodeServer))
  }

  get group(): ServiceGroup<string, never> {
    return this.#life.group
  }

  /** Adds the providers that are services, once. They are there before any hook of Nest. */
  addServices(): void {
    if (this.#hasAdded) return
    this.#hasAdded = true
    addFound(this.group, this.#discovery)
  }

  /** Closes an app that is a service of the group. A close that Nest has begun is not begun again. */
  async close(app: { close(): Promise<unknown> }): Promise<void> {
    await (this.#closing ?? app.close())
  }

  onModuleInit(): void {
    this.addServices()
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#life.start()
  }

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    this.#closing ??= new Promise(resolve => {
      this.#closed = resolve
    })
    await this.#life.drain(reasonOf(signal))
  }

  async onApplicationShutdown(signal?: string): Promise<void> {
    this.#closed()
    await this.#life.end()
    // Nest would kill the process now, but `run` leads: it reports, and ends the process.
    if (signal !== undefined && !this.#life.leads) await new Promise(() => {})
  }
}
