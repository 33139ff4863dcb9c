/** Host and port of a broker, for people: without user, password, virtual host and parameters. */
export const addressOf = (url: URL): string => {
  const port = url.port || (url.protocol === 'amqps:' ? '5671' : '5672')
  return `${url.hostname}:${port}`
}

/**
 * A text that is no AMQP URL, for people. The password may stand anywhere in it. So only three parts are shown: the
 * protocol, the text behind the last `@`, or a single word.
 */
export const redacted = (text: string): string => {
  const [, protocol = '', rest = ''] = /^((?:amqp|http)s?:\/+)?(.*)$/is.exec(text) ?? []
  const [shown = ''] = rest.slice(rest.lastIndexOf('@') + 1).split(/[?#]/)
  if (rest.includes('@')) return `"${protocol}***@${shown}"`
  return /^[\w.-]*$/.test(rest) ? `"${text}"` : `"${protocol}***"`
}
