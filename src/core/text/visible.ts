import { beginOfCharacter, cutMark } from '../bounded.ts'
import { unseen } from '../unseen.ts'

const UNSEEN = unseen()

/** The signs that hold an emoji together or ask for it to be drawn as one: seen as part of it. */
const IN_EMOJI =
  /(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d(?=\p{Extended_Pictographic})|(?<=\p{Emoji})\ufe0f/gu

const PLAIN = /^[\x20-\x7e]*$/

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escaped = (character: string): string => {
  const code = character.codePointAt(0)!
  const hex = code.toString(16)
  if (code < 0x100) return SHORT[character] ?? `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`
}

/** Longest text of somebody else in a line of a log, a report or a terminal, in characters. */
export const LONGEST = 2_000

/**
 * A foreign text (a name, a message) for a line of a log, a report or a terminal: the characters that are not seen are
 * escaped, and what is too long is cut, with a mark that tells how much is left out.
 */
export const visible = (text: string, most: number = LONGEST): string => {
  if (text.length <= most && PLAIN.test(text)) return text
  // Only so much of a text is looked at as may be shown.
  const kept = text.length > most ? text.slice(0, beginOfCharacter(text, most)) : text
  const inEmoji = new Set(Array.from(kept.matchAll(IN_EMOJI), ({ index }) => index))
  let shown = ''
  let at = 0
  let end = kept.length
  for (const { 0: character, index } of kept.matchAll(UNSEEN)) {
    if (inEmoji.has(index)) continue
    const more = `${kept.slice(at, index)}${escaped(character)}`
    if (shown.length + more.length > most) {
      end = index
      break
    }
    shown += more
    at = index + character.length
  }
  const room = most - shown.length
  if (end - at > room) end = beginOfCharacter(kept, at + room)
  return `${shown}${kept.slice(at, end)}${end < text.length ? cutMark(text, end) : ''}`
}
