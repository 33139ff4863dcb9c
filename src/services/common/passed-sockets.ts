import { show } from '../../core/options.ts'
import { cannotListen } from './listen-error.ts'

/** The number of the first socket that a service manager passes, as sd_listen_fds(3) has it. */
const FIRST = 3
/** Most names of passed sockets in the text of an error. */
const MOST_NAMES = 10

/**
 * The numbers of the inherited sockets that an `fd` names: the number itself, or all that a service manager passed
 * under that name (`LISTEN_FDS`, `LISTEN_FDNAMES`, `LISTEN_PID`).
 *
 * @throws ServiceError `ERR_START_FAILED`
 */
export const inheritedFds = (name: string, fd: number | string): readonly [number, ...number[]] => {
  if (typeof fd === 'number') return [fd]
  const names = passedNames(name, `fd ${show(fd)}`)
  const [first, ...rest] = names.flatMap((passed, index) => (passed === fd ? [FIRST + index] : []))
  if (first !== undefined) return [first, ...rest]
  const there = names.slice(0, MOST_NAMES).map((passed, index) => `${show(passed)} (fd ${FIRST + index})`)
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''
  const hint = /^\d+$/.test(fd) ? `; for a number give it without quotes, fd: ${fd}` : ''
  throw cannotListen(
    name,
    `fd ${show(fd)}: no socket of that name was passed; ` +
      `passed are ${there.join(', ')}${more}; set FileDescriptorName= in the .socket unit${hint}`,
  )
}

/** The names of the sockets that were passed to this process, in the order of their numbers. */
const passedNames = (name: string, fd: string): readonly string[] => {
  const { LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID } = process.env
  const elsewhere = 'start it through a systemd .socket unit, or give a port instead'
  if (LISTEN_FDS === undefined || LISTEN_PID === undefined) {
    const missing = LISTEN_FDS === undefined ? 'LISTEN_FDS' : 'LISTEN_PID'
    throw cannotListen(name, `${fd}: no sockets were passed to this process (${missing} is not set); ${elsewhere}`)
  }
  if (LISTEN_PID !== String(process.pid))
    throw cannotListen(
      name,
      `${fd}: the sockets were passed to another process (LISTEN_PID is ${show(LISTEN_PID)}, this one is ` +
        `${process.pid}); start node itself (ExecStart=/usr/bin/node main.js), ` +
        'for npm, tsx and shells start a process of their own',
    )
  if (!/^\d+$/.test(LISTEN_FDS))
    throw cannotListen(name, `${fd}: LISTEN_FDS must be a number of sockets, got ${show(LISTEN_FDS)}; ${elsewhere}`)
  const count = Number(LISTEN_FDS)
  if (count === 0)
    throw cannotListen(name, `${fd}: no sockets were passed to this process (LISTEN_FDS is 0); ${elsewhere}`)
  if (LISTEN_FDNAMES === undefined)
    throw cannotListen(
      name,
      `${fd}: the sockets were passed without names (LISTEN_FDNAMES is not set); give a number, fd: ${FIRST}`,
    )
  const names = LISTEN_FDNAMES.split(':')
  if (names.length !== count)
    throw cannotListen(
      name,
      `${fd}: LISTEN_FDS is ${count}, but LISTEN_FDNAMES has ${names.length} (${show(LISTEN_FDNAMES)}); ` +
        `correct them, or give a number, fd: ${FIRST}`,
    )
  return names
}
