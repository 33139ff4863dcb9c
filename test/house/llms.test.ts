import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { canFollow, transitions } from 'rx-service-group'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const { name, description, exports } = JSON.parse(read('package.json')) as {
  name: string
  description: string
  exports: object
}

const linksOf = (text: string): readonly { title: string; path: string; about: string | undefined }[] =>
  Array.from(text.matchAll(/^- \[([^\]]+)\]\(([^)]+)\)(?:: (.+))?$/gm), ([, title = '', path = '', about]) => ({
    title,
    path: join('dist', path),
    about,
  }))

describe('dist/llms.txt', () => {
  const text = read('dist/llms.txt')
  const links = linksOf(text)

  test('begins with the name and the summary, and is made of lists of links', () => {
    expect(text.startsWith(`# ${name}\n\n> ${description}\n\n`)).toBe(true)
    expect(Array.from(text.matchAll(/^## (.*)$/gm), ([, title]) => title)).toEqual([
      'Pages',
      'Types of each entry',
      'Optional',
    ])
    expect(text.split('\n').filter(line => line.startsWith('- '))).toHaveLength(links.length)
  })

  test('links to every page of the package and to the types of every entry', () => {
    expect(links.filter(({ path }) => !existsSync(join(root, path)))).toEqual([])
    const pages = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.md') && !file.startsWith('skill'))
      .map(file => join('src', file))
    const linked = links.map(({ path }) => path).filter(path => path.endsWith('.md'))
    expect(linked.toSorted()).toEqual([...pages, 'README.md', 'CHANGELOG.md', `skills/${name}/SKILL.md`].toSorted())
    expect(links.filter(({ path }) => path.endsWith('.d.ts'))).toHaveLength(Object.keys(exports).length - 1)
  })

  test('tells of each page in one sentence what it is about', () => {
    const pages = links.filter(({ path }) => path.endsWith('.md'))
    expect(pages.filter(({ title, about }) => !title || !/^[\w`].*[.!?]$/.test(about ?? ''))).toEqual([])
  })
})

describe('the skill', () => {
  const text = read(`skills/${name}/SKILL.md`)

  test('is named after its folder, and says when to use it', () => {
    const [, front = ''] = /^---\n([\s\S]*?)\n---\n/.exec(text) ?? []
    const fields = Object.fromEntries(front.split('\n').map(line => line.split(/: (.*)/s, 2)))
    expect(fields).toEqual({ name, license: 'MIT', description: expect.stringMatching(/\bUse when\b/) })
    expect(fields['description']!.length).toBeLessThanOrEqual(1024)
    expect(text.split('\n').length).toBeLessThan(250)
  })

  test('tells codes that there are', () => {
    const all = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts'))
      .map(file => read(join('src', file)))
      .join('\n')
    const codes = new Set(Array.from(text.matchAll(/`(ERR_\w+)`/g), ([, code]) => code!))
    expect(codes.size).toBeGreaterThan(15)
    expect([...codes].filter(code => !all.includes(`'${code}'`))).toEqual([])
  })

  test('tells every phase, and only phases that may follow', () => {
    const [, table = ''] = /\| phase \|.*\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(text) ?? []
    const rows = table.split('\n').filter(Boolean)
    const cells = rows.map(row =>
      row.split('|').map(cell => Array.from(cell.matchAll(/`(\w+)`/g), ([, word]) => word!)),
    )
    expect(cells.map(row => row[1]![0])).toEqual(Object.keys(transitions))
    const isPhase = (word: string): word is keyof typeof transitions => word in transitions
    const wrong = cells.flatMap(row =>
      row[3]!.filter(next => !isPhase(next) || !canFollow(row[1]![0] as keyof typeof transitions, next)),
    )
    expect(wrong).toEqual([])
  })
})
