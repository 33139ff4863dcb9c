import { errorInfo, isError, messageOf } from '../../../core/errors.ts'
import { withoutUserinfo } from '../../../core/secrets.ts'

/** The shortest password that is looked for in a text. A shorter password would hide parts of words. */
const SHORTEST = 4

/** A text of somebody else, without the passwords that were used, and without those of URLs. */
export const withoutPassword = (text: string, passwords: readonly string[]): string => {
  let clean = withoutUserinfo(text)
  for (const password of passwords)
    if (password.length >= SHORTEST && password !== 'guest')
      clean = clean.replaceAll(password, '***').replaceAll(encodeURIComponent(password), '***')
  return clean
}

/**
 * An error of somebody else, without passwords. Its text, its stack or one of its causes may hold one. An error with a
 * password becomes a copy with the same class and code. Any other error stays as it is.
 */
export const errorWithoutPassword = (error: unknown, passwords: readonly string[]): unknown => {
  const told = JSON.stringify(errorInfo(error))
  if (withoutPassword(told, passwords) === told) return error
  const message = withoutPassword(messageOf(error), passwords)
  if (!isError(error)) return new Error(message)
  const { name, stack = '' } = error
  const code: unknown = (error as { code?: unknown }).code
  return Object.defineProperties(Object.create(Object.getPrototypeOf(error)), {
    message: { value: message },
    name: { value: name },
    stack: { value: withoutPassword(stack, passwords) },
    ...(code !== undefined && { code: { value: code } }),
  })
}
