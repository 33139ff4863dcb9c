/** The signs at the beginning of a line, each one column wide; the phase beside it says the same. */
export interface Glyphs {
  readonly good: string
  readonly warn: string
  readonly bad: string
  readonly again: string
  readonly quiet: string
  readonly ellipsis: string
  readonly spinner: readonly string[]
}

const UNICODE: Glyphs = {
  good: '✔',
  warn: '▲',
  bad: '✖',
  again: '↻',
  quiet: '·',
  ellipsis: '…',
  spinner: [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'],
}

const ASCII: Glyphs = {
  good: '+',
  warn: '!',
  bad: 'x',
  again: '~',
  quiet: '.',
  ellipsis: '...',
  spinner: [...'|/-\\'],
}

export const glyphsFor = (unicode: boolean): Glyphs => (unicode ? UNICODE : ASCII)

/** How long a picture of the spinner stands. */
export const TURN = 80

export const spinner = ({ spinner }: Glyphs, now: number): string => spinner[Math.floor(now / TURN) % spinner.length]!
