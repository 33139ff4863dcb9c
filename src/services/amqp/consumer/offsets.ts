import type { ConsumeMessage } from 'amqplib'
import { must, show } from '../../../core/options.ts'

/** Where in a stream to begin: at its first message, its last chunk, with what comes next, at an offset, or at a time. */
export type StreamOffset = 'first' | 'last' | 'next' | number | Date

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const checkOffset = (service: string, offset: unknown): void => {
  const isTime = offset instanceof Date && !Number.isNaN(offset.getTime())
  const isNumber = Number.isSafeInteger(offset) && (offset as number) >= 0
  const good = isTime || isNumber || ['first', 'last', 'next'].includes(offset as string)
  must(
    service,
    'offset',
    good,
    '"first", "last", "next", a whole number >= 0 or a Date',
    isTime ? show(offset) : offset,
  )
}

/** The place in a stream up to which all messages are settled. A stream itself does not keep it. */
export interface Offsets {
  /** What to tell the broker when consuming begins, at first or anew. */
  argument(): unknown
  /** A message has come. False: it was settled before, over a connection that was lost. */
  came(message: ConsumeMessage): boolean
  settled(message: ConsumeMessage): void
  /** The connection was lost: what was not settled comes again. */
  lost(): void
}

export const makeOffsets = (given: StreamOffset): Offsets => {
  /** In the order in which they came, which is that of the stream. */
  const open = new Set<number>()
  /** Settled, though one before them is not. */
  const ahead = new Set<number>()
  let next: number | undefined
  let begin = given

  const offsetOf = ({ properties }: ConsumeMessage): number | undefined => properties.headers?.['x-stream-offset']
  const move = () => {
    const [first] = open
    if (first === undefined) {
      for (const offset of ahead) next = Math.max(next ?? 0, offset + 1)
      ahead.clear()
      return
    }
    next = first
    for (const offset of ahead) if (offset < first) ahead.delete(offset)
  }
  return {
    argument: () => {
      if (next !== undefined) return next
      if (begin instanceof Date) return { '!': 'timestamp', value: Math.floor(begin.getTime() / 1000) }
      const now = begin
      // What comes from now on is meant, also if the connection is lost before anything has come.
      if (begin === 'next') begin = new Date()
      return now
    },
    came: message => {
      const offset = offsetOf(message)
      if (offset === undefined) return true
      if (ahead.has(offset) || (next !== undefined && offset < next)) return false
      open.add(offset)
      next ??= offset
      return true
    },
    settled: message => {
      const offset = offsetOf(message)
      if (offset === undefined || !open.delete(offset)) return
      ahead.add(offset)
      move()
    },
    lost: () => open.clear(),
  }
}
