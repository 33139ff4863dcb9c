import type {
  DynamicModule,
  FactoryProvider,
  INestApplicationContext,
  LoggerService,
  ModuleMetadata,
} from '@nestjs/common'
import type { DiscoveryService, HttpAdapterHost } from '@nestjs/core'
import type { GroupOptions } from '../../core/group/options.ts'
import { type ServiceGroup, serviceGroup } from '../../core/group/service-group.ts'
import { optionalPackage } from '../../core/optional-package.ts'
import { callable, isRecord, must, refuse } from '../../core/options.ts'
import { service } from '../../core/service.ts'
import { ServiceGroupHealthIndicator } from './health.ts'
import { NestLife } from './life.ts'
import loadCommon from './nest-common.cts'
import loadCore from './nest-core.cts'

export { type ServiceGroupHealth, ServiceGroupHealthIndicator } from './health.ts'
export { type Dependency, GroupService, type GroupServiceOptions } from './marked.ts'

/** The options of the module: those of a group, and its name. */
export interface ServiceGroupModuleOptions extends GroupOptions {
  /** The name of the group, shown in paths. Default `'app'`. */
  readonly name?: string
}

/** Options that a factory makes, from what is injected. */
export interface ServiceGroupModuleAsyncOptions {
  readonly imports?: NonNullable<ModuleMetadata['imports']>
  readonly inject?: NonNullable<FactoryProvider['inject']>
  // biome-ignore lint/suspicious/noExplicitAny: what is injected
  readonly useFactory: (...injected: any[]) => ServiceGroupModuleOptions | Promise<ServiceGroupModuleOptions>
}

/**
 * The token of the group, to inject it: `@Inject(SERVICE_GROUP) group: ServiceGroup`.
 *
 * @example
 * ```ts
 * console.log(typeof SERVICE_GROUP) // symbol
 * ```
 */
export const SERVICE_GROUP: unique symbol = Symbol.for('rx-service-group.nest.group')

const OPTIONS = Symbol.for('rx-service-group.nest.options')
const LIFE = Symbol.for('rx-service-group.nest.life')
const MODULE = { kind: 'ServiceGroupModule', name: '' }

/**
 * The module whose providers are services: providers with `@GroupService()`, and providers that are a Service. It is
 * global, so that one `forRoot` in the root module is enough.
 *
 * - The group starts when all modules are set up (`onModuleInit`), before the app listens. `app.init()` and
 *   `app.listen()` reject when its start fails.
 * - When the app listens, its server is the service `http` of the group: the status tells its url, and while it drains
 *   how many requests are `pending`.
 * - `app.close()`, and a signal after `enableShutdownHooks()`, drains the group, the requests under way included. Then
 *   Nest closes the server, the services stop in reverse, and the close resolves when all are gone. Nest calls
 *   `onModuleDestroy` of all providers before that: what requests need is better closed by a service.
 * - `run(groupOf(app, port))` leads instead of Nest, with its signals, report and exit code.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common'
 *
 * class Database {
 *   start = () => console.log('open')
 *   stop = () => console.log('close')
 * }
 * GroupService({ name: 'db' })(Database)
 *
 * class App {}
 * Module({ imports: [ServiceGroupModule.forRoot({ name: 'shop' })], providers: [Database] })(App)
 * ```
 */
// biome-ignore lint/complexity/noStaticOnlyClass: a module of Nest is a class
export class ServiceGroupModule {
  /**
   * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_INVALID_NAME`, `ERR_INVALID_DURATION`, `ERR_MISSING_PACKAGE`
   */
  static forRoot(options: ServiceGroupModuleOptions = {}): DynamicModule {
    must(MODULE, 'options', isRecord(options), 'an object', options)
    // A wrong option is an error here, and not when Nest makes the group.
    groupFrom(options)
    return dynamicModule({ provide: OPTIONS, useFactory: () => options }, [])
  }

  /**
   * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE`
   */
  static forRootAsync(options: ServiceGroupModuleAsyncOptions): DynamicModule {
    must(MODULE, 'options', isRecord(options), 'an object with useFactory', options)
    const { imports = [], inject = [], useFactory } = options
    callable(MODULE, 'useFactory', useFactory)
    return dynamicModule({ provide: OPTIONS, inject, useFactory }, imports)
  }
}

const groupFrom = ({ name = 'app', ...options }: ServiceGroupModuleOptions): ServiceGroup => serviceGroup(name, options)

const dynamicModule = (options: FactoryProvider, imports: NonNullable<ModuleMetadata['imports']>): DynamicModule => {
  const { Logger } = optionalPackage<typeof import('@nestjs/common')>(MODULE, '@nestjs/common', loadCommon)
  const core = optionalPackage<typeof import('@nestjs/core')>(MODULE, '@nestjs/core', loadCore)
  const group: FactoryProvider = { provide: SERVICE_GROUP, inject: [OPTIONS], useFactory: groupFrom }
  const life: FactoryProvider = {
    provide: LIFE,
    inject: [SERVICE_GROUP, core.DiscoveryService, core.HttpAdapterHost],
    useFactory: (made: ServiceGroup, discovery: DiscoveryService, host: HttpAdapterHost) =>
      new NestLife(made, discovery, host, new Logger('ServiceGroup') as LoggerService),
  }
  const health: FactoryProvider = {
    provide: ServiceGroupHealthIndicator,
    inject: [SERVICE_GROUP],
    useFactory: (made: ServiceGroup) => new ServiceGroupHealthIndicator(made),
  }
  return {
    module: ServiceGroupModule,
    global: true,
    imports: [core.DiscoveryModule, ...imports],
    providers: [options, group, life, health],
    exports: [SERVICE_GROUP, LIFE, ServiceGroupHealthIndicator],
  }
}

/** An app of Nest that can listen. */
export interface ListeningApp extends Pick<INestApplicationContext, 'get' | 'close' | 'init'> {
  listen(port: number | string, host?: string): Promise<unknown>
}

/**
 * The group of an app, with the app itself as its last service, for `run`: it starts the services, then the app, and
 * `run` has the signals, the report and the exit code. Leave out `enableShutdownHooks()`. `app.close()` begins the
 * shutdown of the group, and resolves when the app is closed. The name of the app in the group is `app`.
 *
 * @param app made by `NestFactory.create()`, and not yet initialised
 * @param port where the app listens. When left out, the app is only initialised.
 * @param host Default: all addresses.
 * @throws ServiceError `ERR_INVALID_OPTION` without a `ServiceGroupModule`; `ERR_DUPLICATE_NAME`
 * @example
 * ```ts
 * import { Module } from '@nestjs/common'
 * import { NestFactory } from '@nestjs/core'
 *
 * class App {}
 * Module({ imports: [ServiceGroupModule.forRoot({ name: 'shop' })] })(App)
 *
 * const app = await NestFactory.create(App, { logger: false })
 * void run(groupOf(app, 8080)) // the last line of a program awaits it
 * ```
 */
export const groupOf = (app: ListeningApp, port?: number, host?: string): ServiceGroup => {
  const life = lifeOf(app)
  life.addServices()
  return (life.group as ServiceGroup).add(
    service('app', {
      start: async () => void (port === undefined ? await app.init() : await app.listen(port, ...(host ? [host] : []))),
      stop: () => life.close(app),
    }),
  )
}

const lifeOf = (app: Pick<INestApplicationContext, 'get'>): NestLife => {
  try {
    return app.get<NestLife>(LIFE, { strict: false })
  } catch {
    return refuse(MODULE, 'the app has none; add ServiceGroupModule.forRoot() to the imports of its root module')
  }
}
