import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTerminus } from '@godaddy/terminus'
import { serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import stoppable from 'stoppable'

const host = '127.0.0.1'

/** Serves; returns the port. */
export type Contender = (listener: RequestListener) => Promise<number>

const listening = async (server: Server): Promise<number> => {
  await once(server.listen(0, host), 'listening')
  return (server.address() as AddressInfo).port
}

const bare: Contender = listener => listening(createServer(listener))

const ours: Contender = async listener => {
  const group = serviceGroup('shop').add(http('api', listener, { host }))
  group.status$.subscribe(() => undefined)
  await group.start()
  return Number(group.status.service('shop/api')?.state.info?.['port'])
}

export const contenders: Readonly<Record<string, Contender>> = {
  'bare server': bare,
  'bare server again': bare,
  'rx-service-group': ours,
  stoppable: listener => listening(stoppable(createServer(listener))),
  terminus: listener =>
    listening(createTerminus(createServer(listener), { healthChecks: { '/health': () => Promise.resolve() } })),
}
