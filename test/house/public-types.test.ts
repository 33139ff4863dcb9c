import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { exports } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { exports: Record<string, unknown> }

/** The declarations of an entry. An entry names a file, or several under conditions. */
const declarationsOf = (target: unknown): string => {
  const [file] = JSON.stringify(target).match(/\.\/dist\/[^"]*?(?=\.js")/) ?? []
  return `${root}/${file?.slice(2)}.d.ts`
}

const entries = Object.entries(exports)
  .filter(([entry]) => entry !== './package.json')
  .map(([entry, target]) => ({ entry, file: declarationsOf(target) }))

const program = ts.createProgram(
  entries.map(({ file }) => file),
  { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, types: ['node'], skipLibCheck: true },
)
const checker = program.getTypeChecker()

/** The declared thing behind a name, also when it is only passed on. */
const originOf = (symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

const isOurs = (node: ts.Node): boolean => node.getSourceFile().fileName.startsWith(`${root}dist/`)

/** Every name that an entry exports, and what it stands for. */
const names = entries.flatMap(({ entry, file }) => {
  const source = program.getSourceFile(file)
  if (!source) throw new Error(`${entry} has no declarations at ${file}`)
  const symbol = checker.getSymbolAtLocation(source)!
  return checker
    .getExportsOfModule(symbol)
    .map(exported => ({ entry, name: exported.name, origin: originOf(exported) }))
})

/** The own types that are written in a declaration. */
const typesIn = (declaration: ts.Node): ReadonlySet<ts.Symbol> => {
  const found = new Set<ts.Symbol>()
  const look = (node: ts.Node): void => {
    // Nobody outside sees these.
    if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword))
      return
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isImportTypeNode(node)
          ? node.qualifier
          : undefined
    const symbol = name && checker.getSymbolAtLocation(name)
    if (symbol) found.add(originOf(symbol))
    ts.forEachChild(node, look)
  }
  look(declaration)
  return found
}

test('every type that stands in a public declaration can be named: some entry exports it', () => {
  const named = new Set(names.map(({ origin }) => origin))
  const unnamed = new Set<string>()
  for (const { entry, name, origin } of names)
    for (const declaration of origin.declarations ?? []) {
      if (!isOurs(declaration)) continue
      for (const type of typesIn(declaration)) {
        const ours = type.declarations?.some(isOurs) && !(type.flags & ts.SymbolFlags.TypeParameter)
        if (ours && !named.has(type)) unnamed.add(`${entry}: ${name} -> ${type.name}`)
      }
    }
  expect([...unnamed].toSorted()).toEqual([])
}, 60_000)

test('a name that several entries export means the same thing in all of them', () => {
  const meanings = new Map<string, Map<ts.Symbol, string>>()
  for (const { entry, name, origin } of names) {
    const known = meanings.get(name) ?? new Map<ts.Symbol, string>()
    meanings.set(name, known.set(origin, known.get(origin) ?? entry))
  }
  const twice = [...meanings].filter(([, known]) => known.size > 1)
  expect(twice.map(([name, known]) => `${name}: ${[...known.values()].join(', ')}`)).toEqual([])
}, 60_000)
