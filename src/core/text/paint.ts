/** The mark of a part of a text. The words tell the same without it. */
export type Mark = 'good' | 'bad' | 'busy' | 'faint' | 'strong' | 'plain'

const CODES: Readonly<Record<Exclude<Mark, 'plain'>, readonly [on: number, off: number]>> = {
  good: [32, 39],
  bad: [31, 39],
  busy: [33, 39],
  faint: [2, 22],
  strong: [1, 22],
}

/** Marks a text with the escape codes of terminals. */
export const inColor = (mark: Mark, text: string): string => {
  if (mark === 'plain' || text === '') return text
  const [on, off] = CODES[mark]
  return `\u001b[${on}m${text}\u001b[${off}m`
}

export const withoutColor = (_: Mark, text: string): string => text

/** The part of an output that tells whether it has colours. */
export interface Colorful {
  readonly isTTY?: boolean
  hasColors?(): boolean
}

/** `FORCE_COLOR` decides first, as everywhere in Node, then `NO_COLOR`, then the terminal. */
export const paintFor = (
  output: Colorful,
  env: Readonly<Record<string, string | undefined>>,
): ((mark: Mark, text: string) => string) => {
  const { FORCE_COLOR: forced, NO_COLOR: refused = '' } = env
  const wanted =
    forced === undefined
      ? refused === '' && output.isTTY === true && output.hasColors?.() !== false
      : forced !== '0' && forced !== 'false'
  return wanted ? inColor : withoutColor
}
