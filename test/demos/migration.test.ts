import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, expect, test } from 'vitest'
import { peers } from '../peers/contenders.ts'
import { codeIn, page, sectionOf, writePrograms } from '../peers/programs.ts'
import { startNode } from '../support/child.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const programs = writePrograms()
afterAll(() => programs.remove())

/** The programs of the page, but for those that are files of their own too. */
const blocks = [...peers.map(({ heading }) => heading), 'Recipes'].flatMap(heading => codeIn(sectionOf(page, heading)))
for (const code of blocks) programs.file(code)

test('every library has a program before and a program after', () => {
  expect(peers.map(({ heading }) => codeIn(sectionOf(page, heading)).length)).toEqual(peers.map(() => 2))
})

test('every program of the page compiles as it would for a strict user', () => {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const untyped = fileURLToPath(new URL('../peers/http-graceful-shutdown.d.ts', import.meta.url))
  const program = ts.createProgram([...programs.sources, untyped], {
    ...options,
    noPropertyAccessFromIndexSignature: false,
  })
  const wrong = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
  expect(wrong).toEqual([])
}, 60_000)

test('the app of express answers, and SIGTERM ends it', async () => {
  const [express = ''] = codeIn(sectionOf(page, 'Recipes'))
  const ports = new URL('../peers/ports.mjs', import.meta.url).href
  const child = startNode(['--import', ports, programs.file(express)])
  const port = /^port 8080 is (\d+)$/m
  const [, chosen] = port.exec(await child.says(port))!
  expect(await (await fetch(`http://127.0.0.1:${chosen}/`)).text()).toBe('db closed, orders closed')
  child.kill('SIGTERM')
  expect((await child.ended).code).toBe(0)
}, 20_000)

test('the tests of a shutdown on the page are the ones that run', () => {
  const files = ['demos/migration/tested-shop/group.ts', 'demos/migration/tested-shop/main.ts']
  const told = [...files, 'test/demos/tested-shop.test.ts'].map(file =>
    readFileSync(`${root}/${file}`, 'utf8')
      .replaceAll('../../demos/migration/tested-shop/', '../src/')
      .replaceAll("'../shop.ts'", "'./shop.ts'"),
  )
  const shown = codeIn(sectionOf(page, 'How do I test my shutdown?')).map(code => code.replace(/^\/\/ .*\n/, ''))
  expect(shown).toEqual(told)
})
