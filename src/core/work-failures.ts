/** A piece of work that failed, such as the handler of a message or a scheduled run. Its service lives on. */
export interface WorkFailure {
  /** The work, for people: `message of queue "orders"`. */
  readonly what: string
  readonly error: unknown
}
