import { size } from './units.ts'

/** Longest text of somebody else that is kept and told, in bytes: a message, a detail, a particular, a reason. */
export const LONGEST_TEXT = 2_000

/** Room for the mark at the end of a text that was cut, in bytes. */
const ROOM_OF_MARK = 24

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * A text of at most so many bytes of UTF-8. A longer text is cut between two characters as people see them, and tells
 * how much was cut off: `… 12 kB more`. The result is a copy, so that it does not keep the whole text in memory.
 */
export const bounded = (text: string, most: number = LONGEST_TEXT): string => {
  // A unit of a string is three bytes at most.
  if (text.length * 3 <= most) return text
  const bytes = new Uint8Array(most)
  if (encoder.encodeInto(text, bytes).read === text.length) return text
  const { read } = encoder.encodeInto(text, bytes.subarray(0, most - ROOM_OF_MARK))
  const end = beginOfCharacter(text, read)
  const { written } = encoder.encodeInto(text.slice(0, end), bytes)
  return `${decoder.decode(bytes.subarray(0, written))}${cutMark(text, end)}`
}

/** An object whose texts are bounded, or the same object when none is too long. */
export const boundedTexts = <T extends object>(texts: T): T => {
  const isLong = (value: unknown): boolean => typeof value === 'string' && value.length * 3 > LONGEST_TEXT
  if (!Object.values(texts).some(isLong)) return texts
  const cut = Object.entries(texts).map(([key, value]) => [key, typeof value === 'string' ? bounded(value) : value])
  return Object.fromEntries(cut) as T
}

const MARK = /… ([\d.]+) ([kM]?)B more/g

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6 }

/** Where the mark of an earlier cut is looked for: so many units from the end of a text. */
const END = 500

/** The mark of a text that ends early: `… 12 kB more`. A text that was cut before counts with what was cut off then. */
export const cutMark = (text: string, end: number): string => {
  const before = Array.from(text.slice(Math.max(end, text.length - END)).matchAll(MARK), ([, n, unit]) => {
    return Number(n) * UNITS[unit!]!
  })
  return `… ${size(before.reduce((sum, bytes) => sum + bytes, bytesFrom(text, end)))} more`
}

/** The part of a text before the mark of one that was cut, or the whole text. */
export const beforeCut = (text: string): string => {
  const mark = text.search(MARK)
  return mark < 0 ? text : text.slice(0, mark)
}

/** More than the longest emoji. A longer character, of many combining marks, may be cut. */
const LONGEST_CHARACTER = 64

let graphemes: Intl.Segmenter | undefined

/** The last place not after `at` between two characters as people see them: no emoji and no accent is cut apart. */
export const beginOfCharacter = (text: string, at: number): number => {
  graphemes ??= new Intl.Segmenter()
  const from = Math.max(0, at - LONGEST_CHARACTER)
  const begin = graphemes.segment(text.slice(from, at + LONGEST_CHARACTER)).containing(at - from)?.index
  return begin === undefined || (begin === 0 && from > 0) ? at : from + begin
}

/** So many units are counted. The rest of a longer text is taken to be like them. */
const MOST_COUNTED = 50_000

/** How many bytes of UTF-8 a text has from some place on. */
const bytesFrom = (text: string, from: number): number => {
  const to = Math.min(text.length, from + MOST_COUNTED)
  let bytes = 0
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    // A pair of surrogates is four bytes.
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code >= 0xd800 && code < 0xe000 ? 2 : 3
  }
  return to === text.length ? bytes : Math.round((bytes / (to - from)) * (text.length - from))
}
