/**
 * The characters, beside C0, that are not to be seen, or that do something: they move the cursor, colour or clear a
 * terminal, begin a new line, turn the direction of the text around them, or hide in it.
 */
const UNSEEN = '\\u{7f}-\\u{9f}\\p{Zl}\\p{Zp}\\p{Cs}\\p{Default_Ignorable_Code_Point}\\u{fff9}-\\u{fffb}'

/** One unseen character, C0 included. */
export const unseen = (): RegExp => new RegExp(`[\\u{0}-\\u{1f}${UNSEEN}]`, 'gu')

const IN_JSON = new RegExp(`[${UNSEEN}]`, 'gu')

const ASCII = /^[\x20-\x7e\n]*$/

/**
 * The same JSON with its unseen characters escaped. It parses to the same value. No character of it ends a line for a
 * reader of lines, or does anything to a terminal.
 */
export const seenJson = (json: string): string => (ASCII.test(json) ? json : json.replace(IN_JSON, escapedUnits))

/** Each unit of a character as JSON escapes it. */
const escapedUnits = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('')
