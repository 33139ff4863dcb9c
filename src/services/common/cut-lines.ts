/** The longest line, in bytes. What is longer is told as several. */
export const LONGEST_LINE: number = 64 * 1024

const LF = 10
const CR = 13

/** Cuts bytes into lines. */
export interface LineCutter {
  add(chunk: Buffer): void
  /** The last line may have no end. */
  end(): void
}

/**
 * Ends a line at LF, CR LF or CR, and one that gets too long between two characters. Keeps no more than the bytes of
 * one line.
 */
export const lineCutter = (onLine: (line: string) => void): LineCutter => {
  let kept: Buffer[] = []
  let size = 0
  /** The last byte was a CR: an LF now is of the same end. */
  let afterCr = false
  /** The line goes on after it got too long: when it ends right there, there is nothing more to tell. */
  let broken = false

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return
    kept.push(bytes)
    size += bytes.length
  }
  const take = (): Buffer => {
    const bytes = kept.length === 1 ? kept[0]! : Buffer.concat(kept)
    kept = []
    size = 0
    return bytes
  }
  const endLine = (): void => {
    if (size > 0 || !broken) onLine(take().toString())
    broken = false
  }
  const breakLine = (): void => {
    const bytes = take()
    const at = betweenCharacters(bytes, LONGEST_LINE)
    onLine(bytes.toString('utf8', 0, at))
    broken = true
    keep(bytes.subarray(at))
  }
  /** Bytes without an end of line. */
  const goOn = (bytes: Buffer): void => {
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + LONGEST_LINE + 1 - size)
      keep(bytes.subarray(from, to))
      if (size > LONGEST_LINE) breakLine()
      from = to
    }
  }

  return {
    add: chunk => {
      let from = afterCr && chunk[0] === LF ? 1 : 0
      if (chunk.length > 0) afterCr = false
      let lf = chunk.indexOf(LF, from)
      let cr = chunk.indexOf(CR, from)
      while (lf >= 0 || cr >= 0) {
        const end = lf < 0 || (cr >= 0 && cr < lf) ? cr : lf
        goOn(chunk.subarray(from, end))
        endLine()
        from = end + 1
        if (end === cr) {
          afterCr = from === chunk.length
          if (lf === from) from++
          cr = chunk.indexOf(CR, from)
        }
        if (lf >= 0 && lf < from) lf = chunk.indexOf(LF, from)
      }
      // Not the memory of the whole chunk.
      goOn(from === 0 ? chunk : Buffer.from(chunk.subarray(from)))
    },
    end: () => {
      if (size > 0) endLine()
    },
  }
}

/** The last place up to one that is not inside a character of UTF-8. What is no UTF-8 is cut anywhere. */
const betweenCharacters = (bytes: Buffer, last: number): number => {
  let at = last
  while (at > last - 4 && (bytes[at]! & 0xc0) === 0x80) at--
  return (bytes[at]! & 0xc0) === 0x80 ? last : at
}
