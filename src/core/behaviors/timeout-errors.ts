import { messageOf, ServiceError } from '../errors.ts'
import { milliseconds } from '../units.ts'
import type { Around } from './deadline.ts'

const named = (name: string, { explain }: Around): string => `${explain ? 'group' : 'service'} "${name}"`

export const startTimedOut = (name: string, ms: number, around: Around): ServiceError => {
  const why = around.explain?.()
  const message = `${named(name, around)}: start timed out after ${milliseconds(ms)}${why ? `; ${why}` : ''}`
  return new ServiceError('ERR_START_TIMEOUT', name, message)
}

export const stopTimedOut = (name: string, ms: number, around: Around): ServiceError => {
  const message = `${named(name, around)}: stop timed out after ${milliseconds(ms)} and was forced`
  return new ServiceError('ERR_STOP_TIMEOUT', name, message)
}

export const abandoned = (name: string, ms: number, around: Around, cause: ServiceError | undefined): ServiceError => {
  const what = `did not end within ${milliseconds(ms)} of force and was abandoned`
  const message = `${named(name, around)}: ${what}; raise forceTimeout, or release more in force()`
  return new ServiceError('ERR_ABANDONED', name, message, { cause })
}

/** A timeout of a service that has failed since, and thus said what kept it. */
export const withCause = (late: ServiceError, cause: unknown): ServiceError =>
  new ServiceError(late.code, late.service, `${late.message}: ${messageOf(cause)}`, { cause, errors: [late, cause] })

/**
 * A timeout of a service that has not said what kept it.
 *
 * @param isShare the service had its share of the grace period, which is less than its own timeout
 */
export const withAdvice = (late: ServiceError, { explain, likely }: Around, isShare: boolean): ServiceError => {
  const longer = isShare
    ? 'that was its share of the grace period; raise that, or let stop() end sooner'
    : `raise stopTimeout if ${explain ? 'its services need' : 'stop() needs'} longer`
  const advice = late.code === 'ERR_STOP_TIMEOUT' ? longer : likely
  return advice ? new ServiceError(late.code, late.service, `${late.message}; ${advice}`) : late
}
