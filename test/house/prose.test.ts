import { describe, expect, test } from 'vitest'
import { check, findings } from './prose.ts'

const advice = (path: string, ...lines: readonly string[]): readonly string[] =>
  findings(path, lines.join('\n')).map(({ line, advice }) => `${line}: ${advice}`)

const words = (count: number): string => Array.from({ length: count }, (_, n) => `word${n}`).join(' ')

test('all comments and pages keep the rules of writing', () => {
  expect(check()).toEqual([])
})

describe('a comment', () => {
  test.each([
    ['/** What a handler is given. */'],
    ['// Whoever asks is told.'],
    ['const a = 1 // those that are left'],
    ['/**', ' * One that has ended.', ' */'],
    ['/* Says whether it is well. */'],
  ])('names its subject: %s', (...lines) => {
    const line = lines.length > 1 ? 2 : 1
    expect(advice('src/core/a.ts', ...lines)).toEqual([`${line}: begin with the thing that the comment is about`])
  })

  test.each([
    ['/** Whether a value is a name. */'],
    ['/** The services that are left: those that have not ended. */'],
    ['// The member ends,', '// who asked for it is told.'],
    ["const url = 'http://what.example/'"],
    ['const what = /^\\/\\/ What/'],
    ['const text = `', '// What stands in a text`'],
  ])('may say: %s', (...lines) => {
    expect(advice('src/core/a.ts', ...lines)).toEqual([])
  })

  test('has the words of the glossary, code apart', () => {
    expect(advice('src/a.css', '/* The picture', '   lets go of it. */')).toEqual([
      '2: "lets go": write release, or force',
    ])
    expect(advice('src/core/a.ts', '/** Ends the wait, see `unwell`. */', 'const unwell = true')).toEqual([])
  })
})

describe('a line of code', () => {
  test('has 120 columns at most, comments too, in tests as well', () => {
    const long = '1: wrap the line, it has more than 120 columns'
    expect(advice('test/a.test.ts', `// ${'x'.repeat(118)}`)).toEqual([long])
    expect(advice('src/a.ts', `const a = ${'b'.repeat(111)}`)).toEqual([long])
    expect(advice('src/a.ts', `// ${'é'.repeat(117)}`)).toEqual([])
  })

  test('may be longer by a string or a regular expression, which stay whole', () => {
    expect(advice('src/a.ts', `const a = '${'x'.repeat(120)}'`, `const b = /${'x'.repeat(120)}/u`)).toEqual([])
    expect(advice('src/a.ts', `const a = \``, 'x'.repeat(130), '`')).toEqual([])
    expect(advice('src/a.ts', '/**', ` *   '${'x'.repeat(120)}',`, ' */')).toEqual([])
  })
})

describe('a page', () => {
  test('has sentences of 30 words at most', () => {
    expect(advice('src/README.md', '# A page', '', `${words(30)}. ${words(31)}.`)).toEqual([
      '3: make it two sentences, it has 31 words',
    ])
    expect(advice('a.md', `${words(20)}`, words(20))).toEqual(['1: make it two sentences, it has 40 words'])
  })

  test('is counted without code, tables, headings and addresses, and each item of a list by itself', () => {
    expect(advice('a.md', '```ts', `// ${words(40)}`, '```', `| ${words(40)} |`, `# ${words(40)}`)).toEqual([])
    expect(advice('a.md', `- ${words(20)}`, `- ${words(20)}`, `1. \`${words(20)}\``)).toEqual([])
    expect(advice('a.md', `[${words(20)}](https://example.org/a-b) is one.`)).toEqual([])
  })

  test('has the words of the glossary', () => {
    expect(advice('a.md', '| a |', '|---|', '| unwell |', '', 'Whoever gives it up.')).toEqual([
      '5: "gives it up": write abandon, or end',
    ])
  })
})
