/** Ranges of characters that do something to a terminal or a line, or that are not seen. */
export const HOSTILE: readonly {
  readonly name: string
  readonly from: number
  readonly to: number
  /** Characters inside the range that are seen. */
  readonly but?: readonly number[]
}[] = [
  { name: 'C0: line breaks, tab, bell, escape', from: 0x00, to: 0x1f },
  { name: 'delete, and C1: next line, CSI, OSC', from: 0x7f, to: 0x9f },
  { name: 'soft hyphen', from: 0xad, to: 0xad },
  { name: 'grapheme joiner', from: 0x34f, to: 0x34f },
  { name: 'Arabic letter mark', from: 0x61c, to: 0x61c },
  { name: 'Hangul fillers', from: 0x115f, to: 0x1160 },
  { name: 'Mongolian selectors', from: 0x180b, to: 0x180e },
  { name: 'zero widths and marks of direction', from: 0x200b, to: 0x200f },
  { name: 'line and paragraph separators, bidi embeddings and overrides', from: 0x2028, to: 0x202e },
  { name: 'word joiner, invisible operators, bidi isolates', from: 0x2060, to: 0x206f },
  { name: 'Hangul filler', from: 0x3164, to: 0x3164 },
  { name: 'halves of surrogate pairs', from: 0xd800, to: 0xd803 },
  { name: 'variation selectors', from: 0xfe00, to: 0xfe0f },
  { name: 'byte order mark', from: 0xfeff, to: 0xfeff },
  { name: 'interlinear annotations', from: 0xfff9, to: 0xfffb },
  { name: 'tags', from: 0xe0000, to: 0xe007f },
  { name: 'further variation selectors', from: 0xe0100, to: 0xe01ef },
]

/** One text with the first and the last character of each range. */
export const hostileText = (): string =>
  HOSTILE.map(({ from, to }) => `<${String.fromCodePoint(from)}${String.fromCodePoint(to)}>`).join('')

/** All that a terminal, or a reader of lines, may not get. */
export const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]/u
