import { once } from 'node:events'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { onTestFinished } from 'vitest'

/** A TCP proxy, which ends with the test. */
export interface TcpProxy {
  readonly port: number
  /** How long all that is sent takes on its way, in each direction, in milliseconds. `Infinity`: it never arrives. */
  delay: number
  /** How many connections were opened through it. */
  readonly opened: number
  /** Cuts all connections. */
  cut(): void
  /** Nobody listens any more. */
  close(): Promise<void>
}

/**
 * A proxy in front of a server.
 *
 * @param tls what the proxy speaks TLS with, instead of the server
 */
export const proxyTo = async (
  host: string,
  { delay = 0, tls }: { readonly delay?: TcpProxy['delay']; readonly tls?: TlsOptions } = {},
): Promise<TcpProxy> => {
  const [hostname, port] = host.split(':')
  const sockets = new Set<Socket>()
  let opened = 0
  const onConnection = (client: Socket) => {
    opened++
    const server = connect(Number(port), hostname)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('data', data => {
        if (proxy.delay === 0) to.write(data)
        else if (proxy.delay !== Infinity) setTimeout(() => to.write(data), proxy.delay)
      })
      from.on('error', () => undefined).on('close', () => to.destroy())
    }
  }
  const listening = tls ? createTlsServer(tls, onConnection) : createTcpServer(onConnection)
  listening.on('tlsClientError', () => undefined).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  const close = async () => {
    const closed = listening.listening ? once(listening, 'close') : undefined
    listening.close()
    cut()
    await closed
  }
  onTestFinished(close)
  const proxy: TcpProxy = {
    delay,
    port: (listening.address() as AddressInfo).port,
    get opened() {
      return opened
    },
    cut,
    close,
  }
  return proxy
}
