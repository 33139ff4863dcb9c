import stringWidth from 'string-width'

const graphemes = new Intl.Segmenter()

export const widthOf = (text: string): number => stringWidth(text)

/** As much of a text as there are columns for; what is left out shows. Wide characters count as two. */
export const cut = (text: string, columns: number, ellipsis: string): string => {
  if (widthOf(text) <= columns) return text
  const room = columns - widthOf(ellipsis)
  let kept = ''
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment)
    if (width > room) break
    kept += segment
  }
  return room < 0 ? '' : `${kept.trimEnd()}${ellipsis}`
}

export const padEnd = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - widthOf(text)))
