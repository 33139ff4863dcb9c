/** One message of an event stream. */
export interface Message {
  readonly event: string
  readonly id?: string
  readonly data: string
}

/**
 * Reads the text of an event stream piece by piece: the messages that are whole by now. Comments, which `EventSource`
 * does not tell of, are no messages; that they have come is a sign of life all the same.
 */
export const newReader = (): ((text: string) => readonly Message[]) => {
  let rest = ''
  return text => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop()!
    return blocks.flatMap(block => {
      const fields = new Map<string, string>()
      for (const line of block.split('\n')) {
        const [, name = '', value = ''] = /^([^:]+):? ?(.*)$/s.exec(line) ?? []
        if (name !== '') fields.set(name, fields.has(name) ? `${fields.get(name)}\n${value}` : value)
      }
      const data = fields.get('data')
      const id = fields.get('id')
      return data === undefined ? [] : [{ event: fields.get('event') ?? 'message', ...(id && { id }), data }]
    })
  }
}
