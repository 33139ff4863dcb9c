import { beginOfCharacter } from '../core/bounded.ts'
import { inKubernetes } from './platform.ts'

/** The file of a pod by default. A pod that names another one in `terminationMessagePath` says so by the variable. */
const DEFAULT_PATH = '/dev/termination-log'
const VARIABLE = 'RX_SERVICE_GROUP_TERMINATION_LOG'

/** Kubernetes reads no more of the file than its last so many bytes. */
const MOST_BYTES = 4_096

/** The file in which Kubernetes looks for why the container ended, if the process runs in a pod. */
export const terminationLog = (): string | undefined =>
  inKubernetes() ? process.env[VARIABLE] || DEFAULT_PATH : undefined

/**
 * Adds a text to the termination log, before it returns. `kubectl describe pod` shows it. Never throws: a file that is
 * not there, is no file or can't be written is left alone. What others have written stays, so that a text that does not
 * fit in behind it is cut, between two characters.
 */
export const writeTerminationLog = (path: string | undefined, text: string): void => {
  if (path === undefined) return
  try {
    const { closeSync, constants, fstatSync, openSync, writeSync } = process.getBuiltinModule('node:fs')
    // Without a reader a pipe would block for ever. The file is not made: Kubernetes would not find it.
    const file = openSync(path, constants.O_WRONLY | constants.O_APPEND | (constants.O_NONBLOCK ?? 0))
    try {
      const status = fstatSync(file, { bigint: true })
      if (status.isFile()) writeSync(file, cutAt(text, MOST_BYTES - Number(status.size)))
    } finally {
      closeSync(file)
    }
  } catch {
    // Nowhere is this text missed: it is a part of the report.
  }
}

const ELLIPSIS = '…\n'

/** As much of a text as fits into so many bytes of UTF-8. */
const cutAt = (text: string, bytes: number): string => {
  if (Buffer.byteLength(text) <= bytes) return text
  const room = bytes - Buffer.byteLength(ELLIPSIS)
  if (room <= 0) return ''
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(room))
  return `${text.slice(0, beginOfCharacter(text, read))}${ELLIPSIS}`
}
