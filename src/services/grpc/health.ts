import type { Server } from '@grpc/grpc-js'
import { messageOf, ServiceError } from '../../core/errors.ts'

type Serving = 'SERVING' | 'NOT_SERVING'

/** What the standard health service answers, for the whole server and for each of its services. */
export interface Health {
  say(serving: Serving): void
}

const SERVICE = 'grpc.health.v1.Health'

/** Adds the standard health service to a server; from the beginning on it says NOT_SERVING. */
export const addHealth = async (name: string, server: Server, services: ReadonlySet<string>): Promise<Health> => {
  if (services.has(SERVICE))
    throw new ServiceError(
      'ERR_START_FAILED',
      name,
      `service "${name}" has a health service already: leave it out, or give \`health: false\``,
    )
  const { HealthImplementation } = await load(name)
  const all = ['', ...services]
  const health = new HealthImplementation(Object.fromEntries(all.map(service => [service, 'NOT_SERVING'])))
  health.addToServer(server)
  return {
    say: serving => {
      for (const service of all) health.setStatus(service, serving)
    },
  }
}

const load = async (name: string) => {
  try {
    return await import('grpc-health-check')
  } catch (cause) {
    if (!messageOf(cause).includes('grpc-health-check')) throw cause
    throw new ServiceError(
      'ERR_MISSING_PACKAGE',
      name,
      `service "${name}" needs the package grpc-health-check: npm install grpc-health-check (or give \`health: false\`)`,
      { cause },
    )
  }
}
