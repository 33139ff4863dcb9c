/** A stream that text is written to: the part of it that is listened to here. */
export interface Written {
  write: NodeJS.WriteStream['write']
}

/** Actions around the writes of others. */
export interface Around {
  before?(): void
  /** Must not throw. */
  after(chunk: string | Uint8Array, encoding: unknown): void
}

/**
 * Listens to what others write to these streams. Their `write` is replaced until the end, which gives back what was
 * there before.
 */
export const listenToWrites = (streams: Iterable<Written>, { before, after }: Around): (() => void) => {
  const ends = Array.from(streams, stream => {
    const inherited = !Object.hasOwn(stream, 'write')
    const { write } = stream
    let over = false
    const listening = (...args: Parameters<Written['write']>): boolean => {
      if (over) return write.apply(stream, args)
      before?.()
      const accepted = write.apply(stream, args)
      after(args[0], args[1])
      return accepted
    }
    stream.write = listening as Written['write']
    return () => {
      over = true
      // Somebody else may have done the same since.
      if (stream.write !== listening) return
      if (inherited) Reflect.deleteProperty(stream, 'write')
      else stream.write = write
    }
  })
  return () => {
    for (const end of ends) end()
  }
}
