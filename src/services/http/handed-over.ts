import type { IncomingMessage } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { followFrames } from './frames.ts'

/** The request with which a connection was handed over to another protocol. */
export type UpgradeRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'>

/** Says which sockets nobody but the app may write into or end. */
export type LeaveAlone = (request: UpgradeRequest, socket: Duplex) => boolean

/** A socket, or a stream of HTTP/2, that the app was given for another protocol. */
export interface HandedOver {
  /** Draining: ends it in the way of its protocol. `quietFor`: for how many ms no byte came or went. */
  leave(quietFor: number): void
}

/** The operations that a socket and a stream of HTTP/2 do differently. */
export interface Carrier {
  readonly stream: Duplex
  /** Takes the bytes of each write; returns those that belong to the other protocol. */
  readonly unwrap: (bytes: Buffer) => Buffer
  /** The protocol that the app has agreed to. `undefined`: it has not answered. */
  readonly agreed: () => 'websocket' | 'tunnel' | undefined
  /** Somebody else writes there, too: bytes were written past the stream, or together with the head of the answer. */
  readonly isWrittenByOthers: () => boolean
  /** The end of the stream comes right after a close frame. On a socket the client closes first. */
  readonly endsAfterClose: boolean
  readonly destroy: () => void
}

/** A WebSocket close frame, 1001: going away. */
const GOING_AWAY = Buffer.of(0x88, 0x02, 0x03, 0xe9)
/** How long a tunnel must be quiet to be ended, and its other end may take to end, in ms. */
const QUIET_TUNNEL = 500

/**
 * Follows what the app does with a socket that it was handed. A WebSocket is told to close (1001) only if the app has
 * accepted it and frames its messages itself, and only between two messages. All else is a tunnel, and no byte is
 * written into it: it is ended, with the streams that are piped into it, when no data is under way.
 */
export const handOver = (carrier: Carrier, isLeftAlone: boolean): HandedOver => {
  const { stream } = carrier
  const frames = followFrames()
  const sources = new Set<Readable>()
  let wasPiped = false
  const ends: Readable[] = []
  let told = false
  let endedAt = 0

  watchWrites(stream, bytes => frames.take(carrier.unwrap(bytes)))
  stream.on('pipe', source => {
    wasPiped = true
    sources.add(source)
  })
  stream.on('unpipe', source => sources.delete(source))

  const isFramedHere = () =>
    !wasPiped && !isPiped(stream) && frames.areFramedHere() && !carrier.isWrittenByOthers() && stream.writable
  const end = () => {
    endedAt = performance.now()
    // From here on a relay that goes on writing would fail.
    stream.on('error', () => {})
    if (sources.size > 0) stream.unpipe().resume()
    for (const source of sources) {
      source.unpipe(stream)
      source.on('error', () => {}).resume()
      if ('end' in source) (source as Duplex).end()
      ends.push(source)
    }
    stream.end()
  }
  const tell = () => {
    if (!frames.isBetweenMessages() || frames.isClosed()) return
    told = true
    stream.write(GOING_AWAY)
    if (carrier.endsAfterClose) end()
  }
  const isAtRest = () => stream.writableLength === 0 && [...sources].every(({ readableLength }) => readableLength === 0)

  return {
    leave: quietFor => {
      const agreed = carrier.agreed()
      if (isLeftAlone || agreed === undefined) return
      if (endedAt > 0) {
        if (performance.now() - endedAt < QUIET_TUNNEL) return
        for (const source of ends) source.destroy()
        carrier.destroy()
      } else if (told) return
      else if (agreed === 'websocket' && isFramedHere()) tell()
      else if (quietFor < QUIET_TUNNEL || !isAtRest()) return
      else if (agreed === 'tunnel' || frames.isBetweenMessages() || frames.isClosed()) end()
    },
  }
}

/** Node tells a stream what is piped into it, but not where it is piped itself. */
const isPiped = (stream: Duplex & { _readableState?: { pipes?: readonly unknown[] } }): boolean =>
  (stream._readableState?.pipes?.length ?? 0) > 0

const watchWrites = (stream: Duplex, onBytes: (bytes: Buffer) => void): void => {
  for (const method of ['write', 'end'] as const) {
    const original = stream[method] as (...args: unknown[]) => never
    stream[method] = (...args: unknown[]) => {
      const [chunk, encoding] = args
      if (typeof chunk === 'string') onBytes(Buffer.from(chunk, encoding as BufferEncoding))
      else if (chunk instanceof Uint8Array) onBytes(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      return original.apply(stream, args)
    }
  }
}
