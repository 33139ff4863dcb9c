type Env = Readonly<Record<string, string | undefined>>

/** Whether lines can be drawn anew: a terminal that a person looks at. */
export const isLive = (output: { readonly isTTY?: boolean }, { TERM, CI }: Env): boolean =>
  output.isTTY === true && TERM !== 'dumb' && (CI === undefined || CI === '' || CI === 'false')

/** Consoles of Linux, and the old one of Windows, have no font for the signs. */
export const hasUnicode = ({ TERM, WT_SESSION, TERM_PROGRAM }: Env, platform: string): boolean =>
  platform === 'win32' ? WT_SESSION !== undefined || TERM_PROGRAM === 'vscode' : TERM !== 'linux'
