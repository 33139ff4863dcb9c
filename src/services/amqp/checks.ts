import { ServiceError } from '../../core/errors.ts'

/** Checks of options, for one who has them; what is bad throws `ERR_INVALID_OPTION`. */
export interface Checks {
  (option: string, good: boolean, wanted: string, given: unknown): void
  /** Milliseconds that a timer can wait. */
  time(option: string, given: number, least: number, orInfinity?: boolean): void
}

/** Longest wait of a socket's timer; the broker keeps no message longer than twice that. */
export const LONGEST_TIMER: number = 2 ** 31 - 1

/** @param who How messages begin: `service "orders"` */
export const checksFor = (who: string, service: string): Checks => {
  const check = (option: string, good: boolean, wanted: string, given: unknown): void => {
    if (!good)
      throw new ServiceError(
        'ERR_INVALID_OPTION',
        service,
        `${who}: ${option} must be ${wanted}, not ${typeof given === 'string' ? `"${given}"` : String(given)}`,
      )
  }
  const time = (option: string, given: number, least: number, orInfinity = false): void =>
    check(
      option,
      typeof given === 'number' && given >= least && (given <= LONGEST_TIMER || (orInfinity && given === Infinity)),
      `milliseconds, ${least} to ${LONGEST_TIMER}${orInfinity ? ', or Infinity' : ''}`,
      given,
    )
  return Object.assign(check, { time })
}
