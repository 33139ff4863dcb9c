/**
 * The rules of writing that a program can check: "How we write" in .github/CONTRIBUTING.md has them in words.
 * `node --import tsx test/house/prose.ts` checks everything. With paths it checks those files and folders.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

const EVERYTHING = ['README.md', 'CHANGELOG.md', '.github', 'src', 'test', 'demos']

const COLUMNS = 120
const WORDS = 30

/** Openings of a comment that don't name what the comment is about. */
const HEADLESS = /^(?:what|whatever|who|whoever|whom|whose|those|one (?:that|who)|the one (?:that|who)|says whether)\b/i

/** Words for which the glossary has another, with that one. */
const GLOSSARY: readonly (readonly [RegExp, string])[] = [
  [/\b(?:goodbyes?|tak(?:es?|ing) (?:its |their )?leave)\b/i, 'shutdown step, or shutdown'],
  [/\blet(?:s|ting)? go\b/i, 'release, or force'],
  [/\bg(?:iven?|ives|iving|ave) (?:it |them )?up\b/i, 'abandon, or end'],
  [/\bplights?\b/i, 'phase, or state'],
  [/\binhabitants?\b/i, 'member'],
  [/\bslowest way\b/i, 'critical path'],
  [/\bunwell\b/i, 'fails, or warns'],
  [/\b(?:doom(?:ed)?|last words|waiting rooms?|heed(?:s|ed|ing)?)\b/i, 'the plain word'],
]

/** Something to mend in a text. */
export interface Finding {
  readonly line: number
  readonly text: string
  readonly advice: string
}

/** Comments, and the strings and regular expressions in which no comment begins. */
const TOKENS = new RegExp(
  [
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*/,
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/,
    /(?<=[=(,:;!&|?{}[\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/\w*/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
)
const isComment = (token: string): boolean => /^\/[*/]/.test(token)

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

interface Comment {
  readonly line: number
  readonly text: string
}

/** The comments of a source. Comments in lines one after the other are one. */
const commentsOf = (source: string): readonly Comment[] => {
  const comments: { line: number; end: number; isLine: boolean; text: string }[] = []
  for (const { 0: token, index } of source.matchAll(TOKENS)) {
    if (!isComment(token)) continue
    const line = lineAt(source, index)
    const isAlone = source.slice(source.lastIndexOf('\n', index) + 1, index).trim() === ''
    const isLine = token.startsWith('//') && isAlone
    const last = comments.at(-1)
    if (isLine && last?.isLine && last.end === line - 1) {
      last.text += `\n${token.slice(2)}`
      last.end = line
    } else {
      const text = token.replace(/^\/\*\*?|^\/\/|\*\/$/g, '').replace(/^[ \t]*\*/gm, '')
      comments.push({ line, end: line, isLine, text })
    }
  }
  return comments
}

/** Without strings, also those in examples, and regular expressions: these stay whole, so that a search finds them. */
const withoutLiterals = (source: string): string =>
  source.replace(TOKENS, token =>
    isComment(token) ? token.replace(/^ *\* +'.*',?$/gm, '') : token.replace(/[^\n]/g, ''),
  )

const columns = (line: string): number => [...line].length

const longLines = (source: string): readonly Finding[] => {
  const shortened = withoutLiterals(source).split('\n')
  return source.split('\n').flatMap((text, n) => {
    const isLong = columns(text) > COLUMNS && columns(shortened[n]!) > COLUMNS
    return isLong ? [{ line: n + 1, text, advice: `wrap the line, it has more than ${COLUMNS} columns` }] : []
  })
}

const headless = ({ line, text }: Comment): readonly Finding[] => {
  const lines = text.split('\n')
  const first = Math.max(
    lines.findIndex(one => one.trim() !== ''),
    0,
  )
  const opening = lines[first]!.trim()
  return HEADLESS.test(opening)
    ? [{ line: line + first, text: opening, advice: 'begin with the thing that the comment is about' }]
    : []
}

const words = ({ line, text }: Comment): readonly Finding[] =>
  text.split('\n').flatMap((one, n) =>
    GLOSSARY.flatMap(([word, better]) => {
      const [found] = word.exec(one.replace(/`[^`]*`/g, '')) ?? []
      return found === undefined ? [] : [{ line: line + n, text: one, advice: `"${found}": write ${better}` }]
    }),
  )

const blank = (text: string): string => text.replace(/[^\n]/g, '')

/** The running text of a page: no code, no table, no heading. Lines keep their numbers. */
const proseOf = (page: string): string =>
  page
    .replace(/^---\n[\s\S]*?^---$/m, blank)
    .replace(/^ *(```|~~~)[\s\S]*?^ *\1/gm, blank)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/^[ \t]*\|.*$/gm, '')
    .replace(/^#.*$/gm, '')
    .replace(/^\[[^\]]+\]: .*$/gm, '')
    .replace(/`[^`]*`/g, code => `code${blank(code)}`)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')

/** Sentences of more words than a reader holds at once. An item of a list is a paragraph of its own. */
const longSentences = (prose: string): readonly Finding[] =>
  [...prose.matchAll(/(?:^(?!\s*$).*\n?)+/gm)].flatMap(({ 0: paragraph, index }) =>
    paragraph.split(/^(?=[ \t]*(?:[-*]|\d+\.) )/m).flatMap(part =>
      [...part.matchAll(/\S[\s\S]*?(?:[.!?][)"*_]*(?=\s)|$(?![\s\S]))/g)].flatMap(({ 0: sentence, index: inside }) => {
        const count = sentence.split(/\s+/).filter(word => /\w/.test(word)).length
        if (count <= WORDS) return []
        const line = lineAt(prose, index + paragraph.indexOf(part) + inside)
        return [{ line, text: sentence.replace(/\s+/g, ' '), advice: `make it two sentences, it has ${count} words` }]
      }),
    ),
  )

/** All that a text says against the rules. The path tells which rules hold: tests have comments of their own kind. */
export const findings = (path: string, text: string): readonly Finding[] => {
  if (path.endsWith('.md')) return [...longSentences(proseOf(text)), ...words({ line: 1, text: proseOf(text) })]
  if (!/\.(tsx?|mjs|css)$/.test(path)) return []
  const comments = path.startsWith('test/') ? [] : commentsOf(text)
  return [...longLines(text), ...comments.flatMap(headless), ...comments.flatMap(words)]
}

const filesIn = (path: string): readonly string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter(name => name !== 'node_modules')
        .flatMap(name => filesIn(join(path, name)))
    : [path]

/** All findings in files and folders, each as a text that tells place, advice and words. */
export const check = (paths?: readonly string[]): readonly string[] =>
  (paths ?? EVERYTHING)
    .map(path => resolve(paths ? '.' : root, path))
    .filter(path => paths || existsSync(path))
    .flatMap(filesIn)
    .map(file => ({ file, path: relative(root, file).split(sep).join('/') }))
    .flatMap(({ file, path }) =>
      findings(path, readFileSync(file, 'utf8'))
        .toSorted((a, b) => a.line - b.line)
        .map(({ line, text, advice }) => `${path}:${line}: ${advice}\n    ${text.trim()}`),
    )

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = check(process.argv.length > 2 ? process.argv.slice(2) : undefined)
  for (const one of found) console.error(one)
  if (found.length > 0) {
    console.error(`\n${found.length} to mend; "How we write" in .github/CONTRIBUTING.md has the rules`)
    process.exitCode = 1
  }
}
