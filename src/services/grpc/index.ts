import type { ServerCredentials, ServerOptions } from '@grpc/grpc-js'
import { optionalPackage } from '../../core/optional-package.ts'
import { isName, known, must, namesOf, portNumber, refuse, show } from '../../core/options.ts'
import { checkName } from '../../core/service.ts'
import { type ListeningService, listeningService } from '../common/listening.ts'
import { passedPlace } from '../common/passed-sockets.ts'
import loadHealthCheck from './grpc-health-check.cts'
import loadGrpcJs from './grpc-js.cts'
import { serve } from './serve.ts'
import type { GrpcSetup } from './setup.ts'

export type { ListenErrorCode } from '../common/listen-error.ts'
export type { ListeningService } from '../common/listening.ts'
export type { GrpcSetup, GrpcSetupContext } from './setup.ts'

/** Where a gRPC server listens, and how. */
export interface GrpcOptions {
  /** 0 to 65535; 0 lets the system choose a free one, which the running state tells. Default 0. */
  readonly port?: number
  /** The address or host name to listen on. Default: all addresses, as node does. */
  readonly host?: string
  /**
   * A listening socket that the process inherited, instead of `port` and `host`: its number, or the name under which
   * systemd passed it. See `fd` of `http`.
   */
  readonly fd?: number | string
  /** grpc-js's `ServerCredentials`. Default `ServerCredentials.createInsecure()`. */
  readonly credentials?: ServerCredentials
  /** Options that grpc-js's `Server` is made with: message sizes, keepalive, `interceptors`. Default: none. */
  readonly serverOptions?: ServerOptions
  /**
   * Answer for the standard health service, `grpc.health.v1.Health`, by the package grpc-health-check. Default `true`.
   */
  readonly health?: boolean
}

const OPTIONS = namesOf<GrpcOptions>({
  port: true,
  host: true,
  fd: true,
  credentials: true,
  serverOptions: true,
  health: true,
})

/**
 * A gRPC server as a service. It knows its `port`, and the `url` that a client takes (`dns:localhost:50051`), from the
 * moment it listens until its listener is closed, which is when it drains. Before and after, both are `undefined`.
 */
export interface GrpcService<Name extends string = string> extends ListeningService<Name> {}

/**
 * A gRPC server on @grpc/grpc-js as a service: running when it listens, with `info: { address, port, url }` in its
 * state; a client takes the `url`. The service itself tells `port` and `url` too, while it listens. The setup is given
 * a new server for each incarnation, because one that was shut down can't listen again.
 *
 * The health service says SERVING once it runs, and NOT_SERVING as soon as it is asked to leave, for the whole server
 * (`''`) and for each service; whoever watches hears it. Draining, it closes the listener, says GOAWAY, and finishes
 * every call under way, streams too (`pending` tells how many); a call that comes all the same gets UNAVAILABLE before
 * any handler sees it. Watches of the health end. Once all is answered, a connection is closed within a second. What is
 * left when the drain time is over gets UNAVAILABLE and is told: `info: { cut: 2, cutWork: '/shop.Orders/Place (2, up
 * to 9.8 s)' }`.
 *
 * From the first call on `info` tells the figures `inFlight`, `handled` (answered in this incarnation), `failed` (of
 * those, with a code that is a fault of the server, such as INTERNAL) and `aborted` (cancelled, or their connection
 * lost): in each state, and while it runs once a second at most when they have changed. Draining, `inFlight` is what is
 * pending.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE`; its lifecycle fails with
 * `ERR_PORT_IN_USE`, `ERR_PORT_FORBIDDEN`, `ERR_START_FAILED` when it can't listen or the setup throws,
 * `ERR_SERVICE_FAILED` when its listener dies later
 * @example
 * ```ts
 * import type { handleUnaryCall } from '@grpc/grpc-js'
 * import { grpc } from 'rx-service-group/grpc'
 *
 * // As loadPackageDefinition() of a .proto file gives it, or generated code.
 * const greeter = {
 *   greet: {
 *     path: '/demo.Greeter/Greet',
 *     requestStream: false,
 *     responseStream: false,
 *     requestSerialize: (name: string) => Buffer.from(name),
 *     requestDeserialize: (bytes: Buffer) => bytes.toString(),
 *     responseSerialize: (greeting: string) => Buffer.from(greeting),
 *     responseDeserialize: (bytes: Buffer) => bytes.toString(),
 *   },
 * } as const
 * const greet: handleUnaryCall<string, string> = ({ request }, reply) => reply(null, `hello ${request}`)
 *
 * const rpc = grpc('rpc', server => server.addService(greeter, { greet }), { port: 50051 })
 * ```
 */
export const grpc = <const Name extends string>(
  name: Name,
  setup: GrpcSetup,
  options: GrpcOptions = {},
): GrpcService<Name> => {
  checkName(name)
  known(name, options, OPTIONS)
  const grpcJs = optionalPackage<typeof import('@grpc/grpc-js')>(name, '@grpc/grpc-js', loadGrpcJs)
  const { ServerCredentials } = grpcJs
  const {
    port,
    host,
    fd,
    credentials = ServerCredentials.createInsecure(),
    serverOptions = {},
    health = true,
  } = options
  if (typeof setup !== 'function')
    refuse(
      name,
      'give a function that adds services to a server, `server => server.addService(definition, handlers)`: ' +
        `a server of grpc-js can listen only once, so each incarnation has its own, got ${show(setup)}`,
    )
  if (port !== undefined) portNumber(name, port)
  must(name, 'host', host === undefined || isName(host), 'an address or a host name', host)
  const goodCredentials = credentials instanceof ServerCredentials
  must(name, 'credentials', goodCredentials, 'ServerCredentials of @grpc/grpc-js (createSsl() makes some)', credentials)
  const healthCheck = health
    ? optionalPackage<typeof import('grpc-health-check')>(
        name,
        'grpc-health-check',
        loadHealthCheck,
        'give `health: false`',
      )
    : undefined
  const place =
    fd === undefined ? { port: port ?? 0, ...(host !== undefined && { host }) } : passedPlace(name, fd, { port, host })
  const settings = { place, credentials, serverOptions, healthCheck }
  return listeningService(name, changed => serve(grpcJs, name, setup, settings, changed))
}
