import type { Server } from '@grpc/grpc-js'

/** The context that a setup is given beside the server. */
export interface GrpcSetupContext {
  /**
   * Fires when the server begins to drain. A call is finished however long it takes, so a stream that never ends by
   * itself should end now: `draining.addEventListener('abort', () => call.end())`.
   */
  readonly draining: AbortSignal
}

/** Adds services to a new server; may return a promise. Called for each incarnation. */
export type GrpcSetup = (server: Server, context: GrpcSetupContext) => unknown
