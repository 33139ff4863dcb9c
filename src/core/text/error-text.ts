import { beforeCut } from '../bounded.ts'
import type { ErrorInfo } from '../errors.ts'
import { framesOf } from './stack.ts'
import { LONGEST, visible } from './visible.ts'

/** Longest message in a line, and longest message of a cause in it, and longest list of places, in characters. */
const [LONGEST_MESSAGE, LONGEST_CAUSE, LONGEST_PLACES] = [1_000, 300, 500]

/** An error as lines of a report: its message, the place of the throw, its causes, and the errors that came with it. */
export const errorLines = (error: ErrorInfo): readonly string[] => [
  `${visible(error.message, LONGEST_MESSAGE)}${visible(marks(error))}`,
  ...detailLines(error, error.message).map(line => `  ${line}`),
]

/** @param told the messages that the reader has seen already */
const detailLines = (error: ErrorInfo, told: string): readonly string[] => [
  ...ownFrames(error).map(frame => visible(`at ${frame}`)),
  ...(error.cause ? causeLines(error.cause, `${told} ${error.code ?? ''}`) : []),
  ...severalLines(error, told),
]

/** The frames to show. A `ServiceError` with a cause shows none, since the cause was thrown where the trouble is. */
const ownFrames = ({ name, cause, stack }: ErrorInfo): readonly string[] =>
  name === 'ServiceError' && cause ? [] : framesOf(stack)

const causeLines = (cause: ErrorInfo, told: string): readonly string[] => {
  if (tells(told, cause.message)) return repeatedLines(cause, told)
  const [first = '', ...rest] = named(cause, `${told}\n${cause.message}`)
  return [`caused by ${first}`, ...rest]
}

/** The lines of a cause whose message the error repeats: only kind, code and place are news. */
const repeatedLines = (cause: ErrorInfo, told: string): readonly string[] => {
  const details = detailLines(cause, told)
  const marks = newMarks(cause, told)
  const plain = cause.name === 'Error' || cause.name === 'ServiceError'
  const news = plain && marks === '' ? '' : ` ${cause.name}${marks}`
  return news === '' ? details : [visible(`caused by${news}`), ...details.map(line => `  ${line}`)]
}

const severalLines = ({ errors = [], cause }: ErrorInfo, told: string): readonly string[] => {
  return untold(errors, cause, told).flatMap((error, i) => {
    const [first = '', ...rest] = named(error, `${told}\n${error.message}`)
    return [`${i + 1}) ${first}`, ...rest]
  })
}

const named = (error: ErrorInfo, told: string): readonly string[] => [
  `${visible(error.name)}: ${visible(error.message, LONGEST_MESSAGE)}${visible(marks(error))}`,
  ...detailLines(error, told).map(line => `  ${line}`),
]

const untold = (errors: readonly ErrorInfo[], cause: ErrorInfo | undefined, told: string): readonly ErrorInfo[] =>
  errors.filter(error => !isSame(error, cause) && !tells(told, error.message))

/** So much of a message that was cut is looked for in another that was cut, in characters. */
const ENOUGH = 500

/** The part of a message to look for in another: all of it, or the begin of one that was cut. */
const soughtOf = (message: string): string => {
  const begin = beforeCut(message)
  return begin === message ? message : begin.slice(0, ENOUGH)
}

/** Whether a text contains a message, and not only as letters inside a word. */
const tells = (told: string, message: string): boolean => {
  const sought = soughtOf(message)
  if (sought === '') return true
  const isWhole = sought.length === message.length
  for (let at = told.indexOf(sought); at >= 0; at = told.indexOf(sought, at + 1))
    if (!isInsideWord(told, at) && !(isWhole && isInsideWord(told, at + sought.length))) return true
  return false
}

const isInsideWord = (text: string, at: number): boolean => at > 0 && /^\w\w$/.test(text.slice(at - 1, at + 1))

const isSame = (error: ErrorInfo, cause: ErrorInfo | undefined): boolean =>
  cause !== undefined && error.message === cause.message && error.code === cause.code

/** Code and status. */
const marks = (error: ErrorInfo): string =>
  `${error.code === undefined ? '' : ` [${error.code}]`}${statusMark(error, error.message)}`

/** Code and status, unless the text tells them already. */
const newMarks = (error: ErrorInfo, told: string): string =>
  `${error.code === undefined || told.includes(error.code) ? '' : ` [${error.code}]`}${statusMark(error, told)}`

const statusMark = ({ status }: ErrorInfo, told: string): string =>
  status === undefined || told.includes(String(status)) ? '' : ` (status ${status})`

/** How many places, and how many errors that came together, a line tells. */
const MOST = 3

/**
 * An error on one line: its message, its causes, the errors that came with it, and where the first was thrown. It has
 * 2,000 characters at most.
 */
export const errorLine = (error: ErrorInfo): string => {
  const { message } = error
  const briefly = ({ name, message, ...more }: ErrorInfo): string =>
    `${name}: ${visible(message, LONGEST_CAUSE)}${marks({ name, message, ...more })}`
  const causes = causesOf(error)
  const caused = causes.map(cause =>
    tells(message, cause.message) ? newMarks(cause, `${message} ${error.code}`) : `; caused by ${briefly(cause)}`,
  )
  const others = [error, ...causes].flatMap(({ errors = [], cause }) => untold(errors, cause, message))
  const more = others.length > MOST ? `; and ${others.length - MOST} more` : ''
  const together = others.slice(0, MOST).map(other => `; with ${briefly(other)}`)
  const frames = [...causes.toReversed(), error, ...others].map(ownFrames).find(own => own.length > 0) ?? []
  const outside = frames.filter(frame => !frame.includes('node_modules'))
  const places = visible((outside.length > 0 ? outside : frames).slice(0, MOST).join(', '), LONGEST_PLACES)
  const at = places === '' ? '' : ` (at ${places})`
  const told = [visible(message, LONGEST_MESSAGE), marks(error), ...caused, ...together, more]
  return `${visible(told.join(''), LONGEST - at.length)}${at}`
}

const causesOf = ({ cause }: ErrorInfo): readonly ErrorInfo[] => (cause ? [cause, ...causesOf(cause)] : [])

/** An error in a few words: the innermost cause that its message only repeats, cut to its first line. */
export const essence = ({ message, cause }: ErrorInfo): string =>
  cause && cause.message !== '' && message.includes(soughtOf(cause.message)) ? essence(cause) : firstLine(message)

export const firstLine = (text: string): string => text.split('\n', 1)[0]!
