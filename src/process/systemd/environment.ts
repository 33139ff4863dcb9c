/** The variables by which systemd says where it listens, and how often it wants to hear of this process. */
const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const

/** The wishes of systemd to this process. */
export interface Asked {
  readonly socket: string
  /** How long this process may be silent, in milliseconds. `undefined`: for ever. */
  readonly watchdog: number | undefined
}

/**
 * Takes the request of systemd out of the environment, as `sd_notify(3)` can: a program that this process starts would
 * tell systemd of its own life as if it were that of the service.
 */
export const takeAsked = (): Asked | undefined => {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID } = process.env
  if (!socket) return undefined
  for (const variable of VARIABLES) delete process.env[variable]
  const isOurs = !WATCHDOG_PID || Number(WATCHDOG_PID) === process.pid
  const watchdog = Number(WATCHDOG_USEC) / 1_000
  return { socket, watchdog: isOurs && watchdog > 0 ? watchdog : undefined }
}
