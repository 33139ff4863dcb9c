/** The pages for readers that are programs: `dist/llms.txt`, an index of all pages, and the skill in `skills`. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** A page in a line: its title, and the first sentence of its first paragraph. */
export const summaryOf = text => {
  const page = text.replace(/^---\n[\s\S]*?\n---\n/, '').replace(/^```[\s\S]*?^```$/gm, '')
  const [, title = ''] = /^# (.*)$/m.exec(page) ?? []
  const paragraphs = page.split(/\n\s*\n/).map(paragraph => paragraph.trim().replace(/\s+/g, ' '))
  const prose = paragraphs.find(paragraph => /^[^#|<>!-]/.test(paragraph)) ?? ''
  const [sentence] = /^.*?[.!?:](?=\s|$)/.exec(prose.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')) ?? [prose]
  return { title, sentence: sentence.replace(/:$/, '.') }
}

/** The pages of the package by their paths in it, the overview first. */
export const pagesIn = root => {
  const inSource = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map(file => `src/${file.split(sep).join('/')}`)
    .filter(file => file.endsWith('.md') && !file.startsWith('src/skill/'))
  return ['README.md', ...inSource.toSorted(), 'CHANGELOG.md'].filter(file => existsSync(join(root, file)))
}

/** Pages that a reader can do without: they explain, and tell how to use nothing. */
const OPTIONAL = ['CHANGELOG.md', 'src/decisions.md']

const llmsText = root => {
  const { name, description, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const link = (path, title, sentence) =>
    `- [${title}](${relative('dist', path).split(sep).join('/')})${sentence ? `: ${sentence}` : ''}`
  const linkPage = path => {
    const { title, sentence } = summaryOf(readFileSync(join(root, path), 'utf8'))
    return link(path, title, sentence)
  }
  const pages = pagesIn(root)
  const types = Object.entries(exports).flatMap(([entry, target]) =>
    target.import ? [link(target.import.types.replace('./', ''), entry.replace('.', name))] : [],
  )
  return [
    `# ${name}`,
    `> ${description}`,
    'Each link is relative to this file. Types have docstrings with units, defaults, error codes and examples.',
    '## Pages',
    [...pages.filter(path => !OPTIONAL.includes(path)), skillIn(name)].map(linkPage).join('\n'),
    '## Types of each entry',
    types.join('\n'),
    '## Optional',
    pages
      .filter(path => OPTIONAL.includes(path))
      .map(linkPage)
      .join('\n'),
    '',
  ].join('\n\n')
}

const skillIn = name => `skills/${name}/SKILL.md`

/** Writes both. Package managers and agents look for skills at the top of a package, in a folder of the same name. */
export const writePagesForPrograms = root => {
  const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  rmSync(join(root, 'skills'), { recursive: true, force: true })
  cpSync(join(root, 'src/skill/SKILL.md'), join(root, skillIn(name)))
  writeFileSync(join(root, 'dist/llms.txt'), llmsText(root).replace(/\n+$/, '\n'))
}
