import { accessSync, constants, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../../core/errors.ts'

/** The problem and the remedy, by the code of the system. */
const REASONS: Readonly<Record<string, string>> = {
  EMFILE: 'this process has too many files open; close some, or raise the limit (ulimit -n)',
  ENFILE: 'the machine has too many files open; close some, or raise the limit of the system',
  EAGAIN: 'there are too many processes; end some, or raise the limit (ulimit -u)',
  ENOMEM: 'there is no memory left for it; free some, or give the machine more',
  E2BIG: 'its arguments and its environment are too long; pass less, or pass it in a file',
  ENOEXEC: 'it is no program that this machine can run; a script needs a first line such as #!/bin/sh',
  EPERM: 'this process may not run it as that user or group; leave out uid and gid, or run with more rights',
  EISDIR: 'it is a folder; give the program inside it',
}

/** Why a command could not be run, as an error with the code and the path of the system's own. */
export const cantRun = (command: string, cwd: string | URL | undefined, cause: unknown): Error => {
  const { code, path } = cause as NodeJS.ErrnoException
  const why = code === undefined ? undefined : reasonOf(code, command, cwd)
  const told = why === undefined ? messageOf(cause) : why.replace(/(?=;)/, ` (${code})`)
  return Object.assign(new Error(`can't run "${command}": ${told}`, { cause }), {
    ...(code !== undefined && { code }),
    path: path ?? command,
  })
}

const reasonOf = (code: string, command: string, cwd: string | URL | undefined): string | undefined => {
  // The system has one code for both: the folder it should run in, and the command.
  if (cwd !== undefined && (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR')) {
    const folder = cwd instanceof URL ? fileURLToPath(cwd) : cwd
    const kind = kindOf(folder)
    if (kind === undefined) return `there is no folder ${folder} to run it in; make it, or give another cwd`
    if (kind !== 'folder') return `${folder} is no folder to run it in; give another cwd`
    if (!mayUse(folder)) return `the folder ${folder} may not be entered; change its rights, or give another cwd`
  }
  const isPath = command.includes('/')
  if (code === 'ENOENT' && isPath && kindOf(command) === 'file')
    return 'the program that its first line names is not there; install that, or change the line'
  if (code === 'ENOENT' && isPath) return 'there is no such file; check the path'
  if (code === 'ENOENT') return 'there is no such command; install it, or give its whole path'
  if (code === 'EACCES' && isPath && kindOf(command) === 'folder') return REASONS['EISDIR']
  if (code === 'EACCES')
    return 'it is not executable; change its rights (chmod +x), or name what runs it as the command'
  return REASONS[code]
}

const kindOf = (path: string): 'file' | 'folder' | undefined => {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && (stats.isDirectory() ? 'folder' : 'file')
}

const mayUse = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
