import { readFileSync } from 'node:fs'

/** The rows of the tables of a text, cell by cell. */
export const rowsOf = (text: string): readonly (readonly string[])[] =>
  Array.from(text.matchAll(/^\|(.*)\|$/gm), ([, row = '']) => row.split('|').map(cell => cell.trim())).filter(
    ([, second]) => second !== '---',
  )

const page = readFileSync(new URL('README.md', import.meta.url), 'utf8')
const [head = [], ...rows] = rowsOf(/<!-- checked -->\n\n(.*?)\n\n/s.exec(page)?.[1] ?? '')

/** The libraries of the comparison, as its table has them. */
export const columns: readonly string[] = head.slice(1)
export const rowNames: readonly string[] = rows.map(([name = '']) => name)

/** The cells of a row, by library, without the numbers of notes. */
export const cellsOf = (row: string): Readonly<Record<string, string | undefined>> => {
  const found = rows.find(([name]) => name === row) ?? []
  return Object.fromEntries(columns.map((name, i) => [name, found[i + 1]?.replace(/ [¹²³⁴]$/, '')]))
}
