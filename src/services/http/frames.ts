const FIN = 0x80
const MASKED = 0x80
const CLOSE = 0x08

/** Follows the frames that are written into a WebSocket. */
export interface Frames {
  /** Takes the bytes of one write. */
  readonly take: (bytes: Uint8Array) => void
  /** No message is half written. */
  readonly isBetweenMessages: () => boolean
  /** A close frame was written, after which nothing counts. */
  readonly isClosed: () => boolean
  /**
   * Each write so far was a whole frame, its header or its payload, and none was masked. A relay writes pieces as the
   * network delivers them.
   */
  readonly areFramedHere: () => boolean
}

export const followFrames = (): Frames => {
  const header: number[] = []
  let payloadLeft = 0
  let inMessage = false
  let closed = false
  let framedHere = true

  /** Ends a header: returns the length of its payload. */
  const beginFrame = (): number => {
    const [first = 0, second = 0, ...rest] = header.splice(0)
    const extended = rest.slice(0, extendedBytes(second))
    const opcode = first & 0x0f
    if (second & MASKED) framedHere = false
    if (opcode === CLOSE) closed = true
    // Control frames may come within a message.
    if (opcode < CLOSE) inMessage = (first & FIN) === 0
    return extended.length === 0 ? second & 0x7f : extended.reduce((length, byte) => length * 256 + byte, 0)
  }

  return {
    take: bytes => {
      let begun = 0
      let ended = 0
      let payload = 0
      for (let at = 0; at < bytes.length; ) {
        if (payloadLeft > 0) {
          const step = Math.min(payloadLeft, bytes.length - at)
          payloadLeft -= step
          payload += step
          at += step
          if (payloadLeft === 0) ended++
        } else {
          header.push(bytes[at++] as number)
          if (header.length < headerLength(header)) continue
          payloadLeft = beginFrame()
          begun++
          if (payloadLeft === 0) ended++
        }
      }
      const isFrameOrPayload = payloadLeft === 0 && ended === 1
      const isHeader = begun === 1 && ended === 0 && payload === 0
      if (bytes.length > 0 && (header.length > 0 || !(isFrameOrPayload || isHeader))) framedHere = false
    },
    isBetweenMessages: () => payloadLeft === 0 && header.length === 0 && !inMessage,
    isClosed: () => closed,
    areFramedHere: () => framedHere,
  }
}

/** How many bytes of a header hold a length that its second byte can't. */
const extendedBytes = (second: number): number => ({ 126: 2, 127: 8 })[second & 0x7f] ?? 0

const headerLength = ([, second]: readonly number[]): number =>
  second === undefined ? 2 : 2 + extendedBytes(second) + (second & MASKED ? 4 : 0)
