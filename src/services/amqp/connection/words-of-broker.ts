import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'

/** Node tells here of each socket that `net.connect` makes. */
const SOCKETS = 'net.client.socket'

/** The broker has closed a connection that was being opened, and said why. */
export class ClosedByBroker extends Error {
  readonly code: number
  constructor(code: number, words: string, cause: unknown) {
    super(words, { cause })
    this.code = code
  }
}

/**
 * Connects. If the broker closes the connection while it is opened, the error has the broker's words. Amqplib keeps
 * some of them to itself: that a limit is reached, or what is wrong with the virtual host. So they are read from the
 * socket, if the call makes a socket before it returns. Node does not tell of sockets of TLS: their words stay unknown.
 */
export const withWordsOfBroker = async <T>(call: () => PromiseLike<T>): Promise<T> => {
  let heard: Heard | undefined
  const onSocket = (message: unknown) => {
    heard ??= listen((message as { readonly socket?: unknown }).socket)
  }
  subscribe(SOCKETS, onSocket)
  let connecting: PromiseLike<T>
  try {
    connecting = call()
  } finally {
    unsubscribe(SOCKETS, onSocket)
  }
  try {
    return await connecting
  } catch (cause) {
    const close = closeIn(heard?.bytes())
    throw close ? new ClosedByBroker(close.code, close.words, cause) : cause
  } finally {
    heard?.stop()
  }
}

interface Heard {
  bytes(): Buffer
  stop(): void
}

const listen = (socket: unknown): Heard | undefined => {
  if (!(socket instanceof Socket)) return undefined
  const chunks: Buffer[] = []
  const push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (Buffer.isBuffer(chunk)) chunks.push(chunk)
    return Socket.prototype.push.call(socket, chunk, encoding)
  }
  socket.push = push
  return {
    bytes: () => Buffer.concat(chunks),
    stop: () => {
      if (socket.push === push) Reflect.deleteProperty(socket, 'push')
    },
  }
}

/** Of a frame: its type, its channel and its size stand before the content, one byte behind it. */
const BEFORE = 7
const BEHIND = 1
const METHOD = 1
/** Class and method of connection.close. */
const CLOSE = 0x000a0032

/** The code and the text of the connection.close among some frames. The text has at most 255 bytes. */
const closeIn = (bytes: Buffer | undefined): { readonly code: number; readonly words: string } | undefined => {
  if (!bytes) return undefined
  let start = 0
  while (start + BEFORE <= bytes.length) {
    const size = bytes.readUInt32BE(start + 3)
    const content = bytes.subarray(start + BEFORE, start + BEFORE + size)
    if (bytes[start] === METHOD && content.length >= 7 && content.readUInt32BE(0) === CLOSE)
      return { code: content.readUInt16BE(4), words: content.subarray(7, 7 + content[6]!).toString() }
    start += BEFORE + size + BEHIND
  }
  return undefined
}
