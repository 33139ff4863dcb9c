/** So many lines are kept. */
const KEPT = 20

/** So much of each. */
const LONGEST = 1_000

/** A line that says something by itself: not indented, no bracket, and not how Node signs its crashes. */
const TELLING = /^(?!Node\.js v)[\w[(]/

/** The latest lines a process has written to standard error. */
export const lastWords = () => {
  const lines: string[] = []
  return {
    add: (line: string): void => {
      lines.push(line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line)
      if (lines.length > KEPT) lines.shift()
    },
    all: (): string => lines.join('\n').trim(),
    /** The latest line that a person would quote. */
    summary: (): string | undefined => lines.findLast(line => TELLING.test(line))?.trim(),
  }
}
