import type { ServerResponse } from 'node:http'

/** An answer whose head Node has written as text, but perhaps not sent yet. */
type WithHead = ServerResponse & { _header?: string | null; _headerSent?: boolean; _last?: boolean }

/** The head of an answer as text, once the app has completed it. */
export const headOf = (answer: ServerResponse): string => (answer as WithHead)._header ?? ''

const isHeadSent = (answer: WithHead): boolean => answer._headerSent !== false

/**
 * Makes an answer say `Connection: close`, whatever the app writes, unless `isExempt` when its head is complete.
 *
 * The head is changed as text. Another call of `setHeader`, or another form of what `writeHead` is given, would change
 * how Node merges the two: a repeated header would get lost, or the order and the case of names change.
 */
export const closeAfter = (answer: ServerResponse, isExempt: () => boolean): void => {
  const sayClose = () => {
    const { statusCode } = answer
    if (isHeadSent(answer) || isExempt() || (statusCode >= 100 && statusCode < 200)) return
    const late = answer as WithHead
    late._header = withClose(headOf(answer))
    // Node closes the connection after the answer.
    late._last = true
  }
  if (answer.headersSent) return sayClose()
  const writeHead = answer.writeHead as (...args: unknown[]) => ServerResponse
  answer.writeHead = (...args: unknown[]) => {
    const returned = writeHead.apply(answer, args)
    sayClose()
    return returned
  }
}

const CONNECTION = /^(connection: *)(.*)\r\n/gim
const KEEP_ALIVE = /^keep-alive:.*\r\n/gim

/**
 * A head that says `Connection: close`. Other options of that header stay, `Upgrade` for example. The option
 * `keep-alive` and the header of that name go.
 */
export const withClose = (head: string): string => {
  let said = false
  const closing = head.replace(KEEP_ALIVE, '').replace(CONNECTION, (_line, name: string, value: string) => {
    const options = value.split(/ *, */).filter(option => !/^(keep-alive)?$/i.test(option))
    if (!said && !options.some(option => /^close$/i.test(option))) options.push('close')
    said = true
    return options.length > 0 ? `${name}${options.join(', ')}\r\n` : ''
  })
  return said ? closing : closing.replace(/\r\n$/, 'Connection: close\r\n\r\n')
}
