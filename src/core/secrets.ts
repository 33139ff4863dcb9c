/** `user:password@` behind the scheme of a URL, but for a file, whose path may have a colon and an `@`. */
const WITH_SCHEME = /(\b(?!file:)[a-z][\w+.-]*:\/{1,3})[^\s"'<>]*:[^\s"'<>]*@/gi

/** `user:password@` without a scheme. */
const WITHOUT_SCHEME = /(^|[\s"'(])[^\s"'<>:/@]+:(?!\/)[^\s"'<>]*@/g

/** A text without usernames and passwords of the URLs in it: `amqp://***@host`. */
export const withoutUserinfo = (text: string): string =>
  text.includes('@') ? text.replace(WITH_SCHEME, '$1***@').replace(WITHOUT_SCHEME, '$1***@') : text

/** A replacer of `JSON.stringify`. It hides each value whose name is that of a secret. */
export const hideSecrets = (name: string, value: unknown): unknown =>
  /password|passphrase|secret|token/i.test(name) ? '***' : value
