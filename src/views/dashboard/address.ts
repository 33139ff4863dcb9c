import type { IncomingMessage } from 'node:http'

/**
 * The address of a client. Where a framework tells it as `request.ip`, that is the address: express looks at its
 * setting `trust proxy` for it.
 */
export const addressOf = (request: IncomingMessage & { readonly ip?: unknown }): string => {
  const { ip, socket } = request
  const address = typeof ip === 'string' && ip !== '' ? ip : socket.remoteAddress
  // An address of IPv4, as a server for both versions sees it.
  return address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? 'an unknown address'
}
