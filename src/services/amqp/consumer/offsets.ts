import type { ConsumeMessage } from 'amqplib'
import { must, show } from '../../../core/options.ts'

/** Where a stream begins: its first message, its last chunk, its next message, an offset, or a time. */
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

/** The offset in a stream up to which all messages are settled. The broker does not keep it. */
export interface Offsets {
  /** The argument `x-stream-offset` of the next `consume`. */
  argument(): unknown
  /**
   * Notes that a message has come.
   *
   * @returns false when it was settled before, on a connection that was lost
   */
  came(message: ConsumeMessage): boolean
  settled(message: ConsumeMessage): void
  /** The connection was lost: the broker delivers again the messages that are not settled. */
  lost(): void
}

export const makeOffsets = (given: StreamOffset): Offsets => {
  /** The offsets that are not settled, in the order of the stream. */
  const open = new Set<number>()
  /** The offsets that are settled while an earlier one is not. */
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
      // `next` means from now on, also when the connection is lost before a message has come.
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
