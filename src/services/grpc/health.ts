import type { Server } from '@grpc/grpc-js'
import { serviceError } from '../../core/errors.ts'

type Serving = 'SERVING' | 'NOT_SERVING'

/** The answers of the standard health service, for the whole server and for each of its services. */
export interface Health {
  say(serving: Serving): void
}

const SERVICE = 'grpc.health.v1.Health'

/** Adds the standard health service to a server; from the beginning on it says NOT_SERVING. */
export const addHealth = (
  { HealthImplementation }: typeof import('grpc-health-check'),
  name: string,
  server: Server,
  services: ReadonlySet<string>,
): Health => {
  if (services.has(SERVICE))
    throw serviceError(
      'ERR_START_FAILED',
      name,
      'the setup adds a health service already; leave that out, or give `health: false`',
    )
  const all = ['', ...services]
  const health = new HealthImplementation(Object.fromEntries(all.map(service => [service, 'NOT_SERVING'])))
  health.addToServer(server)
  return {
    say: serving => {
      for (const service of all) health.setStatus(service, serving)
    },
  }
}
