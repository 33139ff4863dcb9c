import { stripVTControlCharacters } from 'node:util'

/** A stream that text is written to: the part of it that is listened to here. */
export interface Written {
  write: NodeJS.WriteStream['write']
}

/** Whose writes are not ours, and what to do around them. */
export interface Around {
  /** Before such a write. */
  before(): void
  /** After it; `whole` unless it has left a line unfinished. */
  after(whole: boolean): void
}

/**
 * Listens to what others write to these streams, so that a picture can step aside for it. Their `write` is replaced
 * until the end, which gives back what was there before.
 */
export const listenToWrites = (streams: Iterable<Written>, { before, after }: Around): (() => void) => {
  const ends = Array.from(streams, stream => {
    const inherited = !Object.hasOwn(stream, 'write')
    const { write } = stream
    let over = false
    const listening = (...args: Parameters<Written['write']>): boolean => {
      if (over) return write.apply(stream, args)
      before()
      const accepted = write.apply(stream, args)
      after(endsLine(args[0]))
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

const endsLine = (chunk: string | Uint8Array): boolean => {
  const text = stripVTControlCharacters(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
  return text === '' || text.endsWith('\n')
}
