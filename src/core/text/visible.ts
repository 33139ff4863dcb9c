/**
 * The control characters: they move the cursor, colour or clear a terminal, begin a new line, or turn the direction of
 * the text around them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression is about these.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escaped = (character: string): string => {
  const code = character.charCodeAt(0)
  const hex = code.toString(16)
  return SHORT[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
}

/**
 * A foreign text (a name, a message) with its control characters escaped, for a line of a log, a report or a terminal.
 */
export const visible = (text: string): string => text.replace(CONTROL, escaped)
