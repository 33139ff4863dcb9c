import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => join(folder, file))

/** Every page of the repository, by its path. */
export const pages: readonly string[] = [
  ...readdirSync(root).filter(file => /^README.*\.md$/.test(file)),
  ...['.github', 'demos', 'src', 'test'].filter(folder => existsSync(join(root, folder))).flatMap(pagesIn),
]

export const readPage = (page: string): string => readFileSync(join(root, page), 'utf8')
