import type { ChannelModel } from 'amqplib'

/** What can be expected of a broker. */
export interface Features {
  /** It has a clock, and dead-letters what has expired. A broker inside the process has none. */
  readonly hasDelays: boolean
  /** Its quorum queues can hand messages over to another queue at least once (RabbitMQ since 3.10). */
  readonly deadLettersSafely: boolean
  /** Its quorum queues count a message that is handed back by nack as delivered in vain (RabbitMQ before 4.3). */
  readonly countsNacks: boolean
  /** It knows direct replies. A broker inside the process does not. */
  readonly repliesDirectly: boolean
}

export const UNKNOWN: Features = {
  hasDelays: false,
  deadLettersSafely: false,
  countsNacks: true,
  repliesDirectly: false,
}

/** A broker says in its greeting what it is. A channel has the connection at hand, too. */
export const featuresOf = ({ connection }: Pick<ChannelModel, 'connection'>): Features => {
  const properties: Readonly<Record<string, unknown>> | undefined = connection?.serverProperties
  if (properties?.['capabilities'] === undefined) return UNKNOWN
  const since = (major: number, minor: number): boolean => {
    if (properties['product'] !== 'RabbitMQ') return false
    const [itsMajor = 0, itsMinor = 0] = String(properties['version']).split('.').map(Number)
    return itsMajor > major || (itsMajor === major && itsMinor >= minor)
  }
  return { hasDelays: true, deadLettersSafely: since(3, 10), countsNacks: !since(4, 3), repliesDirectly: true }
}
