import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as rxjs from 'rxjs'
import ts from 'typescript'
import { afterAll, describe, expect, test } from 'vitest'
import { pages, readPage } from '../support/pages.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const src = join(root, 'src')
/** Inside the package, where it is found by its own name. */
const folder = join(root, 'test/house/.examples')

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { import: { default: string } }>
}
const entries = Object.entries(exports)
  .filter(([entry]) => entry !== './package.json')
  .map(([entry, file]) => ({
    name: join('rx-service-group', entry),
    source: join(
      root,
      (file as { import: { default: string } }).import.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts'),
    ),
  }))

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
  ts.sys,
  root,
)
const program = ts.createProgram(
  entries.map(({ source }) => source),
  options,
)
const checker = program.getTypeChecker()

interface Public {
  readonly name: string
  readonly module: string
  readonly isValue: boolean
  readonly doc: string
  readonly tags: readonly string[]
}

/** All that can be imported, with its docstring. */
const publics: readonly Public[] = entries.flatMap(({ name: module, source }) => {
  const file = program.getSourceFile(source)
  if (!file) throw new Error(`no source for ${module}`)
  return checker.getExportsOfModule(checker.getSymbolAtLocation(file)!).map(exported => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    return {
      name: exported.name,
      module,
      isValue:
        (symbol.flags & ts.SymbolFlags.Value) !== 0 &&
        !ts.isTypeOnlyImportOrExportDeclaration(exported.declarations![0]!),
      doc: ts.displayPartsToString(symbol.getDocumentationComment(checker)),
      tags: symbol.getJsDocTags(checker).map(({ name }) => name),
    }
  })
})

const moduleOf = new Map([
  ...Object.keys(rxjs).map(name => [name, 'rxjs'] as const),
  ...publics.map(({ name, module }) => [name, module] as const),
])

interface Example {
  readonly where: string
  readonly code: string
}

/** The blocks of TypeScript in a text, each with where it stands. */
const blocksIn = (file: string, text: string, block: RegExp): Example[] =>
  Array.from(text.matchAll(block), found => ({
    where: `${file}:${text.slice(0, found.index).split('\n').length + 1}`,
    code: found.slice(1).join(''),
  }))

const inDocstrings = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .flatMap(file => blocksIn(file, readFileSync(join(src, file), 'utf8'), /^ *\* ```ts\n(.*?)^ *\* ```$/gms))
  .map(({ where, code }): Example => ({ where, code: code.replace(/^ *\* ?/gm, '') }))

/** A block takes for granted what stands in a comment before it, `<!-- given ... -->`, which no reader is shown. */
const IN_PAGE = /(?:^<!-- given\n((?:(?!-->).)*?)^-->\n)?^```ts\n(.*?)^```$/gms

/** Its blocks are whole programs with files of their own: test/demos/migration.test.ts and test/peers run them. */
const PROGRAMS = 'demos/migration/README.md'

/** Every block of TypeScript in a docstring, or in a page. */
const examples: readonly Example[] = [
  ...inDocstrings,
  ...pages.filter(page => page !== PROGRAMS).flatMap(page => blocksIn(page, readPage(page), IN_PAGE)),
]

/** With the imports that it leaves to its reader. */
const withImports = ({ code }: Example): string => {
  const parsed = ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, true)
  const used = new Set<string>()
  const known = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node
      const declares =
        (ts.isVariableDeclaration(parent) ||
          ts.isParameter(parent) ||
          ts.isImportSpecifier(parent) ||
          ts.isClassDeclaration(parent) ||
          ts.isFunctionDeclaration(parent) ||
          ts.isBindingElement(parent)) &&
        parent.name === node
      const isMember =
        (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent)) &&
        parent.name === node
      if (declares) known.add(node.text)
      else if (!isMember) used.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(parsed)
  const imports = [...used]
    .filter(name => !known.has(name) && moduleOf.has(name))
    .map(name => `import { ${name} } from '${moduleOf.get(name)}'\n`)
  return `${imports.join('')}${code}\nexport {}\n`
}

/** Two examples may name the same port, and a port of an example may be taken. */
const onAnyPort = (code: string): string => code.replace(/\bport: \d{4,5}\b/g, 'port: 0')

/** `console.log(...) // what it prints`, or with the comment in the next line, is held to what it says. */
const withExpectations = (code: string): string =>
  code.replace(
    /^(\s*console\.log\(.*\))(?: |\n)\/\/ (.*)$/gm,
    (_, log, prints) => `${log}; expectPrinted(${JSON.stringify(prints)})`,
  )

const RUNNER = `
import { writeFileSync } from 'node:fs'
import { formatWithOptions } from 'node:util'
const failures = []
let printed
console.log = (...all) => { printed = formatWithOptions({ compact: 9, breakLength: Infinity }, ...all) }
// Known as a test runner, so that no run() ends the process that all examples share.
globalThis.describe = globalThis.it = () => undefined
process.stdout.write = () => true
process.exit = () => undefined
globalThis.expectPrinted = expected => {
  if (printed !== expected) throw new Error('printed ' + printed + ', not ' + expected)
}
for (const [where, file] of JSON.parse(process.argv[2])) {
  try {
    await import(file)
  } catch (error) {
    failures.push(where + ': ' + error)
  }
}
writeFileSync(process.argv[3], JSON.stringify(failures))
process.kill(process.pid, 'SIGKILL')
`

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const lacking = (lacks: (one: Public) => boolean): string[] =>
  publics.filter(lacks).map(({ name, module }) => `${module}: ${name}`)

describe('everything public', () => {
  test('is told what it is', () => {
    expect(lacking(({ doc }) => doc === '')).toEqual([])
  })

  test('that can be called comes with an example', () => {
    expect(lacking(({ isValue, tags }) => isValue && !tags.includes('example'))).toEqual([])
  })
})

describe('the examples in docstrings and pages', () => {
  const files = examples.map((example, n) => ({
    ...example,
    file: join(folder, `example-${n}.ts`),
    code: withImports(example),
  }))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { file, code } of files) writeFileSync(file, code)

  test('are found', () => expect(examples.length).toBeGreaterThan(5))

  test('compile as they would for a strict user', () => {
    const strict: ts.CompilerOptions = {
      ...options,
      noUncheckedIndexedAccess: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      exactOptionalPropertyTypes: false,
      noPropertyAccessFromIndexSignature: false,
      rootDir: root,
    }
    const checked = ts.createProgram(
      files.map(({ file }) => file),
      strict,
    )
    const wrong = ts.getPreEmitDiagnostics(checked).map(({ file, start, messageText }) => {
      const found = files.find(one => one.file === file?.fileName)
      const line = file && start !== undefined ? file.text.slice(start).split('\n')[0] : ''
      return `${found?.where ?? relative(root, file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, '\n')} at ${line}`
    })
    expect(wrong).toEqual([])
  }, 60_000)

  test('run, and print what they say they print', async () => {
    const scripts = files.map(({ where, file, code }) => {
      const script = file.replace(/\.ts$/, '.mjs')
      writeFileSync(
        script,
        ts.transpileModule(onAnyPort(withExpectations(code)), {
          compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 },
        }).outputText,
      )
      return [where, script]
    })
    const runner = join(folder, 'run.mjs')
    writeFileSync(runner, RUNNER)
    const failures = join(folder, 'failures.json')
    await promisify(execFile)(process.execPath, [runner, JSON.stringify(scripts), failures], { cwd: root }).catch(
      () => 'it ends itself, whatever the examples left running',
    )
    expect(JSON.parse(readFileSync(failures, 'utf8'))).toEqual([])
  }, 60_000)
})
