import type { IncomingMessage } from 'node:http'
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Carrier, UpgradeRequest } from './handed-over.ts'

const NOTHING = Buffer.alloc(0)
const HEAD_AT_MOST = 65_536

/** A socket of HTTP/1 after an upgrade or CONNECT. The app writes the head of its answer itself. */
export const socketCarrier = (socket: Socket, request: IncomingMessage): Carrier => {
  let head = ''
  let agreed: 'websocket' | 'tunnel' | undefined
  let expected = socket.bytesWritten
  let writtenWithHead = false
  return {
    stream: socket,
    unwrap: bytes => {
      expected += bytes.length
      if (agreed) return bytes
      head += bytes.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1 && head.length < HEAD_AT_MOST) return NOTHING
      const rest = end === -1 ? 0 : head.length - end - 4
      writtenWithHead = rest > 0
      const accepts = /^HTTP\/1\.1 101 /.test(head) && saysWebSocket(/^upgrade: *(.*?) *$/im.exec(head)?.[1])
      agreed = accepts && saysWebSocket(request.headers.upgrade) ? 'websocket' : 'tunnel'
      head = ''
      return bytes.subarray(bytes.length - rest)
    },
    agreed: () => agreed,
    isWrittenByOthers: () => writtenWithHead || socket.bytesWritten !== expected,
    endsAfterClose: false,
    destroy: () => socket.destroy(),
  }
}

/** A socket that was handed over before it came to us: what runs on it is unknown. */
export const unknownCarrier = (socket: Socket): Carrier => ({
  stream: socket,
  unwrap: () => NOTHING,
  agreed: () => 'tunnel',
  isWrittenByOthers: () => true,
  endsAfterClose: false,
  destroy: () => socket.destroy(),
})

/** A stream of HTTP/2 after CONNECT, also after the extended one that WebSockets use (RFC 8441). */
export const streamCarrier = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Carrier => ({
  stream,
  unwrap: bytes => bytes,
  agreed: () => {
    if (!stream.headersSent) return undefined
    return stream.sentHeaders[':status'] === 200 && saysWebSocket(headers[':protocol']) ? 'websocket' : 'tunnel'
  },
  isWrittenByOthers: () => false,
  endsAfterClose: true,
  destroy: () => stream.close(constants.NGHTTP2_NO_ERROR),
})

export const isConnect = (headers: IncomingHttpHeaders): boolean => headers[':method'] === 'CONNECT'

/** A request of HTTP/2, told as one of HTTP/1 would be. */
export const asUpgradeRequest = (headers: IncomingHttpHeaders): UpgradeRequest => ({
  method: 'CONNECT',
  url: headers[':path'] === undefined ? headers[':authority'] : headers[':path'],
  headers,
})

const saysWebSocket = (protocol: unknown): boolean => /^websocket$/i.test(String(protocol))
