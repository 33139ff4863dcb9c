import { setMaxListeners } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as passed } from 'node:timers/promises'
import type { Server, ServerCredentials, ServerOptions } from '@grpc/grpc-js'
import { lastValueFrom, tap } from 'rxjs'
import { messageOf, serviceError } from '../../core/errors.ts'
import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import { cutInfo } from '../common/cut.ts'
import { listen } from '../common/listen.ts'
import type { ListeningIncarnation } from '../common/listening.ts'
import { type Place, whereaboutsOf } from '../common/place.ts'
import { trackCalls } from './calls.ts'
import { addHealth, type Health } from './health.ts'
import type { GrpcSetup } from './setup.ts'

export interface Settings {
  readonly place: Place
  readonly credentials: ServerCredentials
  readonly serverOptions: ServerOptions
  /** Without it, no health service is added. */
  readonly healthCheck: typeof import('grpc-health-check') | undefined
}

/** How long clients may take to close their end of a connection once all is answered, in milliseconds. */
const GOODBYE = 1_000
/** How long the last word to calls that are cut may take to get out, in milliseconds. */
const LAST_WORD = 100

/**
 * One life of a gRPC server. We listen ourselves and hand over the connections, because grpc-js tells neither why it
 * could not listen nor of connections on which nobody has said a word yet. `letGo` ends everything, whatever has
 * happened before.
 */
export const serve = (
  grpcJs: typeof import('@grpc/grpc-js'),
  name: string,
  setup: GrpcSetup,
  { place, credentials, serverOptions, healthCheck }: Settings,
  changed: () => void,
): ListeningIncarnation => {
  const calls = trackCalls(grpcJs, changed)
  const interceptors = [calls.interceptor, ...(serverOptions.interceptors ?? [])]
  const server = new grpcJs.Server({ ...serverOptions, interceptors })
  const services = noteServices(server)
  const listener = createServer()
  const closed = new Promise<void>(resolve => listener.once('close', resolve))
  const sockets = new Set<Socket>()
  const draining = new AbortController()
  // As many calls may listen as there are.
  setMaxListeners(0, draining.signal)
  const timers = new AbortController()
  let health: Health | undefined
  let drained: Promise<void> | undefined
  let cutting: Promise<void> | undefined

  const atMost = (ms: number) => passed(ms, undefined, { signal: timers.signal }).catch(() => {})
  const accept = (socket: Socket, inject: (socket: Socket) => void) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    inject(socket)
  }
  const destroyAll = () => {
    server.forceShutdown()
    for (const socket of sockets) socket.destroy()
  }
  /** A client takes the url as it is. */
  const whereabouts = () => whereaboutsOf(listener, 'dns:')
  const letGo = () => {
    draining.abort()
    listener.close()
    destroyAll()
    timers.abort()
  }

  const start = async (context: ServiceContext) => {
    const { signal, info, fail } = context
    await setup(server, { draining: draining.signal })
    if (healthCheck) health = addHealth(healthCheck, name, server, services)
    signal.throwIfAborted()
    const injector = connectionInjector(name, server, credentials)
    listener.on('connection', socket => accept(socket, injector.injectConnection))
    await listen(name, listener, place, signal)
    listener.on('error', error => {
      letGo()
      fail(error)
    })
    info(whereabouts())
    health?.say('SERVING')
  }

  const leave = () => {
    listener.close()
    draining.abort()
    calls.refuseNew()
    // Says GOAWAY to every client. Its callback may never come, so nobody waits for it.
    server.tryShutdown(() => {})
  }

  const drain = async ({ pending }: ServiceContext) => {
    leave()
    await Promise.race([lastValueFrom(calls.open.untilEmpty$().pipe(tap(pending)), { defaultValue: 0 }), closed])
    await Promise.race([closed, atMost(GOODBYE)])
    destroyAll()
    await closed
  }

  const cut = async ({ info }: ServiceContext) => {
    if (calls.open.size > 0) info(cutInfo(calls.open.all()))
    leave()
    for (const { refuse } of calls.open.all()) refuse()
    if (sockets.size > 0) await Promise.race([closed, atMost(LAST_WORD)])
    destroyAll()
    await closed
    await drained
    timers.abort()
  }
  const cutOnce = (context: ServiceContext) => (cutting ??= cut(context))

  return {
    letGo,
    whereabouts,
    figures: calls.figures,
    hooks: {
      start,
      unready: () => health?.say('NOT_SERVING'),
      drain: context => (drained = drain(context)),
      stop: cutOnce,
      force: cutOnce,
    },
  }
}

/** The names of the services that are added from now on. */
const noteServices = (server: Server): ReadonlySet<string> => {
  const services = new Set<string>()
  const { addService } = server
  server.addService = (definition, handlers) => {
    addService.call(server, definition, handlers)
    for (const { path } of Object.values(definition)) services.add(path.split('/')[1]!)
  }
  return services
}

const connectionInjector = (name: string, server: Server, credentials: ServerCredentials) => {
  try {
    return server.createConnectionInjector(credentials)
  } catch (cause) {
    const what = `can't use its credentials: ${messageOf(cause)}; check the certificate and its key`
    throw serviceError('ERR_START_FAILED', name, what, { cause })
  }
}
