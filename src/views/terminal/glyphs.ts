/** The signs of a picture. Those at the beginning of a line are one column wide, and the phase beside says the same. */
export interface Glyphs {
  readonly good: string
  readonly warn: string
  readonly bad: string
  readonly again: string
  readonly quiet: string
  readonly ellipsis: string
  /** Before the service that is chosen. */
  readonly pointer: string
  /** Where a text is typed. */
  readonly caret: string
  readonly spinner: readonly string[]
}

const UNICODE: Glyphs = {
  good: '✔',
  warn: '▲',
  bad: '✖',
  again: '↻',
  quiet: '·',
  ellipsis: '…',
  pointer: '❯',
  caret: '▏',
  spinner: [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'],
}

const ASCII: Glyphs = {
  good: '+',
  warn: '!',
  bad: 'x',
  again: '~',
  quiet: '.',
  ellipsis: '...',
  pointer: '>',
  caret: '_',
  spinner: [...'|/-\\'],
}

export const glyphsFor = (unicode: boolean): Glyphs => (unicode ? UNICODE : ASCII)

/** How long a picture of the spinner stands. */
export const TURN = 80

export const spinner = ({ spinner }: Glyphs, now: number): string => spinner[Math.floor(now / TURN) % spinner.length]!
