/** A request that is refused: its status, and its code and reason as people and programs read them. */
export class Refused extends Error {
  readonly status: number
  readonly code: string
  /** Before it is answered, in milliseconds. */
  readonly wait: number

  constructor(status: number, code: string, reason: string, wait = 0) {
    super(reason)
    this.status = status
    this.code = code
    this.wait = wait
  }
}

export const badRequest = (reason: string): Refused => new Refused(400, 'ERR_BAD_REQUEST', reason)
