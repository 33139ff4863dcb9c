import type { AddressInfo } from 'node:net'

/** Where to listen: a place on the network, or a unix socket (on Windows a named pipe). */
export type Place = { readonly port: number; readonly host?: string } | { readonly path: string }

export const describePlace = (place: Place): string =>
  'path' in place ? place.path : place.host ? `${place.host}:${place.port}` : `port ${place.port}`

/** Host and port as a client on this machine writes them. */
export const reachableAt = ({ address, port, family }: AddressInfo): string => {
  const isAny = address === '::' || address === '0.0.0.0'
  return `${isAny ? 'localhost' : family === 'IPv6' ? `[${address}]` : address}:${port}`
}
