import type { ErrorInfo } from '../../../core/errors.ts'

/** The errors that came with one, without the one that it names as its cause. */
export const othersOf = ({ errors = [], cause }: ErrorInfo): readonly ErrorInfo[] =>
  errors.filter(other => !cause || other.message !== cause.message || other.code !== cause.code)

/** All that is known of an error, to be sent to somebody: its stack, its causes, the errors that came with it. */
export const wholeText = (error: ErrorInfo): string => {
  const { name, message, code, status, service, stack, cause } = error
  const marks = [code, status === undefined ? undefined : `status ${status}`, service].filter(Boolean)
  const head = `${name}: ${message}`
  const title = marks.length === 0 ? head : `${head} [${marks.join(', ')}]`
  // A stack begins with the message as a rule.
  const frames = stack?.startsWith(head) ? stack.slice(head.length).replace(/^\r?\n/, '') : stack
  return [
    title,
    ...(frames ? [frames] : []),
    ...(cause ? [`caused by ${wholeText(cause)}`] : []),
    ...othersOf(error).map((other, i) => `${i + 1}) ${indented(wholeText(other))}`),
  ].join('\n')
}

const indented = (text: string): string => text.replaceAll('\n', '\n   ')
