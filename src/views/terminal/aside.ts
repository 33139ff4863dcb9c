import { stripVTControlCharacters } from 'node:util'
import { listenToWrites as listen, type Written } from '../../process/writes.ts'

/** Actions around the writes of others. */
export interface Around {
  /** Before such a write. */
  before(): void
  /** After it; `whole` unless it has left a line unfinished. */
  after(whole: boolean): void
}

/** Listens to what others write to these streams, so that a picture can step aside for it. Returns what ends that. */
export const listenToWrites = (streams: Iterable<Written>, { before, after }: Around): (() => void) =>
  listen(streams, { before, after: chunk => after(endsLine(chunk)) })

const endsLine = (chunk: string | Uint8Array): boolean => {
  const text = stripVTControlCharacters(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
  return text === '' || text.endsWith('\n')
}
