import type { AmqpModel } from './model.ts'

/** The features of a broker that matter here. */
export interface Features {
  /** Messages can expire and be dead-lettered after a delay. Not with a broker inside the process. */
  readonly hasDelays: boolean
  /** Quorum queues can dead-letter at least once (RabbitMQ since 3.10). */
  readonly deadLettersSafely: boolean
  /** Quorum queues count a nack with requeue towards the delivery limit (RabbitMQ before 4.3). */
  readonly countsNacks: boolean
  /** Direct replies are possible. Not with a broker inside the process. */
  readonly repliesDirectly: boolean
}

export const UNKNOWN: Features = {
  hasDelays: false,
  deadLettersSafely: false,
  countsNacks: true,
  repliesDirectly: false,
}

/** Reads the features from the properties that the broker sends when a connection opens. */
export const featuresOf = ({ connection }: Pick<AmqpModel, 'connection'>): Features => {
  const properties = connection?.serverProperties as Readonly<Record<string, unknown>> | undefined
  if (properties?.['capabilities'] === undefined) return UNKNOWN
  const since = (major: number, minor: number): boolean => {
    if (properties['product'] !== 'RabbitMQ') return false
    const [itsMajor = 0, itsMinor = 0] = String(properties['version']).split('.').map(Number)
    return itsMajor > major || (itsMajor === major && itsMinor >= minor)
  }
  return { hasDelays: true, deadLettersSafely: since(3, 10), countsNacks: !since(4, 3), repliesDirectly: true }
}
