import type { PublishOptions } from './options.ts'

/** A message on its way. A class, because there is one for each. */
export class Outgoing {
  readonly key: string
  readonly content: Buffer
  readonly options: PublishOptions
  /** Tells the caller of `publish` that the message has arrived, or why not. */
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  /** It was sent to a broker, by whom it may have been heard. */
  written = false
  /** It came back: no queue is there for it. */
  returned = false
  /** Its place among those that are on a channel. */
  inFlight = false
  before: Outgoing | undefined = undefined
  after: Outgoing | undefined = undefined

  constructor(
    key: string,
    content: Buffer,
    options: PublishOptions,
    resolve: () => void,
    reject: (error: Error) => void,
  ) {
    this.key = key
    this.content = content
    this.options = options
    this.resolve = resolve
    this.reject = reject
  }
}
