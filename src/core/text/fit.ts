const PLAIN = /^[\x20-\x7e]*$/

/** Signs of two columns: East Asian ones, and emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97c}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}\u{16fe0}-\u{18dff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}])/u

const MARKS = /^\p{M}+$/u

let graphemes: Intl.Segmenter | undefined

const characters = (text: string): Iterable<{ readonly segment: string; readonly index: number }> => {
  graphemes ??= new Intl.Segmenter()
  return graphemes.segment(text)
}

/** How many columns of a terminal a text takes that has no control characters. */
export const widthOf = (text: string): number => {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of characters(text)) width += WIDE.test(segment) ? 2 : MARKS.test(segment) ? 0 : 1
  return width
}

/** More units of a string than a column needs, but for a sign with a tower of marks. */
export const UNITS_OF_COLUMN = 12

/**
 * As much of a text as there are columns for; what is left out shows. Wide characters count as two, and none is cut
 * apart. Only the part of a long text that may be shown is measured.
 */
export const cut = (
  text: string,
  columns: number,
  ellipsis = '…',
  measure: (text: string) => number = widthOf,
): string => {
  if (text.length <= columns && PLAIN.test(text)) return text
  const room = columns - measure(ellipsis)
  let kept = 0
  let width = 0
  // No column needs more units, so that the whole of a long text is not looked at.
  const head = text.length / UNITS_OF_COLUMN > columns ? text.slice(0, columns * UNITS_OF_COLUMN) : text
  for (const { segment, index } of characters(head)) {
    width += measure(segment)
    if (width <= room) kept = index + segment.length
    if (width > columns) return cutAt(text, kept, room, ellipsis)
  }
  return head === text ? text : cutAt(text, kept, room, ellipsis)
}

const cutAt = (text: string, end: number, room: number, ellipsis: string): string =>
  room < 0 ? '' : `${text.slice(0, end).trimEnd()}${ellipsis}`

export const padEnd = (text: string, columns: number, measure: (text: string) => number = widthOf): string =>
  text + ' '.repeat(Math.max(0, columns - measure(text)))

/** A text in lines of so many columns at most, broken at spaces where it has them. */
export const wrapped = (text: string, columns: number): readonly string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (widthOf(longer) <= columns) {
      line = longer
      continue
    }
    if (line !== '') lines.push(line)
    const [last = '', ...full] = pieces(word, columns).toReversed()
    lines.push(...full.toReversed())
    line = last
  }
  return [...lines, line]
}

/** A word that is too long for a line, in pieces. */
const pieces = (word: string, columns: number): readonly string[] => {
  const all: string[] = []
  let piece = ''
  let width = 0
  for (const { segment } of characters(word)) {
    const more = widthOf(segment)
    if (width + more > columns && piece !== '') {
      all.push(piece)
      piece = ''
      width = 0
    }
    piece += segment
    width += more
  }
  return [...all, piece]
}
