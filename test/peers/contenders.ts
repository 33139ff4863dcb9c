/** A library of the comparison. */
export interface Contender {
  /** Its package, and the head of its column. */
  readonly name: string
  /** The heading of its section on the page of migration, where its program is. */
  readonly heading: string
  /** Its program of the folder `own`, without `.ts`. */
  readonly own: string
}

/** The name of this library, of its column, and of its program with a consumer. */
export const OURS = 'rx-service-group'
/** The readiness endpoint of programs with the probes of this library. */
export const OUR_READY_PATH = '/readyz'
/** The readiness endpoint of all other programs. */
export const READY_PATH = '/ready'

export const peers: readonly Contender[] = [
  { name: '@godaddy/terminus', heading: '@godaddy/terminus', own: 'terminus' },
  { name: 'lightship', heading: 'lightship', own: 'lightship' },
  { name: 'close-with-grace', heading: 'close-with-grace', own: 'close-with-grace' },
  { name: 'http-terminator', heading: 'http-terminator', own: 'http-terminator' },
  { name: 'stoppable', heading: 'stoppable', own: 'stoppable' },
  { name: 'http-graceful-shutdown', heading: 'http-graceful-shutdown', own: 'http-graceful-shutdown' },
  { name: '@nestjs/core', heading: "Nest's shutdown hooks", own: 'nest' },
]
