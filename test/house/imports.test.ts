import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const src = fileURLToPath(new URL('../../src', import.meta.url))

/** Every source file with the paths and packages it imports, types included. */
const imports: ReadonlyMap<string, readonly string[]> = new Map(
  readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.(c?ts|tsx)$/.test(file))
    .map(file => {
      const text = readFileSync(join(src, file), 'utf8').replace(/^\s*(\/?\*|\/\/).*$/gm, '')
      const found = text.matchAll(/(?:(?<!['.])\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)'([^']+)'/g)
      const resolved = Array.from(found, ([, specifier = '']) =>
        specifier.startsWith('.')
          ? normalize(join(dirname(file), specifier))
              .split(sep)
              .join('/')
          : specifier,
      )
      return [file.split(sep).join('/'), resolved]
    }),
)

const folderOf = (file: string): string => (file.includes('/') ? file.split('/')[0]! : '')
const isPackage = (specifier: string): boolean => !/\.(c?ts|tsx)$/.test(specifier)

/** Imports that are not allowed, as `file -> what`. */
const offences = (folder: string, allowed: (specifier: string, file: string) => boolean): string[] =>
  [...imports]
    .filter(([file]) => folderOf(file) === folder)
    .flatMap(([file, specifiers]) => specifiers.filter(s => !allowed(s, file)).map(s => `${file} -> ${s}`))

const within =
  (...folders: string[]) =>
  (specifier: string): boolean =>
    !isPackage(specifier) && folders.includes(folderOf(specifier))

/** What views and services may know of the process. It changes nothing of it, and knows nothing of the shell. */
const SENSES = ['console-lines', 'figures', 'loop-delay', 'memory-use', 'writes'].map(name => `process/${name}.ts`)

/** What runs in a browser: bundled when it is built, so that it brings all it needs. */
const PAGE = 'views/dashboard/page/'

test('all folders of the house are known here', () => {
  const folders = new Set([...imports.keys()].map(folderOf))
  expect(
    [...folders].filter(f => !['', 'core', 'process', 'services', 'views', 'frameworks', 'testing'].includes(f)),
  ).toEqual([])
  expect(imports.get('core/status/critical-path.ts')).toContain('core/plan.ts')
})

describe('imports point one way', () => {
  test('the core imports rxjs and itself, and nothing else', () => {
    expect(offences('core', s => within('core')(s) || s === 'rxjs')).toEqual([])
  })

  test('what a group is made of is known to the group alone', () => {
    const inside = (file: string): boolean => file.startsWith('core/group/')
    const knowing = [...imports].filter(([file, specifiers]) => folderOf(file) === 'core' && specifiers.some(inside))
    expect(knowing.map(([file]) => file).filter(file => !inside(file))).toEqual([])
  })

  test('the status of a group is folded without knowing what a group is made of', () => {
    const wrong = (file: string): boolean => /^core\/(group|behaviors|hooks)\//.test(file)
    const knowing = [...imports].filter(([file]) => file.startsWith('core/status/'))
    expect(knowing.filter(([, specifiers]) => specifiers.some(wrong)).map(([file]) => file)).toEqual([])
  })

  test('what people read is written by views and by the process shell, and nothing in the core reads it', () => {
    const inside = (file: string): boolean => file.startsWith('core/text/')
    const knowing = [...imports].filter(([file, specifiers]) => folderOf(file) === 'core' && specifiers.some(inside))
    expect(knowing.map(([file]) => file).filter(file => !inside(file))).toEqual([])
  })

  test('the process shell stands on the core', () => {
    expect(offences('process', s => within('core', 'process')(s) || s.startsWith('node:') || s === 'rxjs')).toEqual([])
  })

  test.each(['services', 'views'])(
    '%s stand on the core, on what listens to and measures the process, and on what they have in common',
    folder => {
      const roomOf = (file: string): string => file.split('/').slice(0, 2).join('/')
      const near = (specifier: string, file: string): boolean =>
        roomOf(specifier) === roomOf(file) || roomOf(specifier) === `${folder}/common`
      const allowed = (s: string, file: string) =>
        isPackage(s) || within('core')(s) || SENSES.includes(s) || near(s, file)
      expect(offences(folder, allowed)).toEqual([])
    },
  )

  test('frameworks stand on the core, on services and on views, none knows another, and nothing knows them', () => {
    const roomOf = (file: string): string => file.split('/').slice(0, 2).join('/')
    const near = (s: string, file: string): boolean => roomOf(s) === roomOf(file) || roomOf(s) === 'frameworks/common'
    const below = within('core', 'services', 'views')
    expect(offences('frameworks', (s, file) => isPackage(s) || below(s) || near(s, file))).toEqual([])
    const inside = (file: string): boolean => file.startsWith('frameworks/')
    const knowing = [...imports].filter(([file, specifiers]) => !inside(file) && specifiers.some(inside))
    expect(knowing.map(([file]) => file)).toEqual([])
  })

  test('the page of the dashboard brings preact and nothing else, and nothing but its tests imports it', () => {
    const [inside, outside] = [true, false].map(wanted =>
      [...imports].filter(([file]) => file.startsWith(PAGE) === wanted).flatMap(([, specifiers]) => specifiers),
    ) as [string[], string[]]
    expect(inside).toContain('preact')
    expect(inside.filter(s => isPackage(s) && s !== 'preact' && s !== 'preact/hooks')).toEqual([])
    expect(inside.filter(s => !isPackage(s) && !s.startsWith(PAGE) && !within('core')(s))).toEqual([])
    expect(outside.filter(s => s.startsWith(PAGE))).toEqual([])
  })

  test('the testing kit stands on the core', () => {
    // Only what starts processes is for Node alone.
    const isOfNode = (file: string, s: string) => file.startsWith('testing/process/') && s.startsWith('node:')
    expect(offences('testing', (s, file) => within('core', 'testing')(s) || s === 'rxjs' || isOfNode(file, s))).toEqual(
      [],
    )
  })

  test('no file imports in a circle', () => {
    const open: string[] = []
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string): void => {
      if (open.includes(file)) circles.push([...open.slice(open.indexOf(file)), file].join(' -> '))
      if (open.includes(file) || done.has(file)) return
      open.push(file)
      for (const next of runtimeImports(file)) visit(next)
      open.pop()
      done.add(file)
    }
    for (const file of imports.keys()) visit(file)
    expect(circles).toEqual([])
  })

  test('packages are imported by name only where they are declared', () => {
    const { peerDependencies, dependencies } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    ) as { peerDependencies: object; dependencies?: object }
    const declared = Object.keys({ ...peerDependencies, ...dependencies })
    const notBundled = [...imports].filter(([file]) => !file.startsWith(PAGE)).map(([, specifiers]) => specifiers)
    const used = new Set(notBundled.flat().filter(s => isPackage(s) && !s.startsWith('node:')))
    const nameOf = (s: string): string =>
      s
        .split('/')
        .slice(0, s.startsWith('@') ? 2 : 1)
        .join('/')
    expect([...used].filter(s => !declared.includes(nameOf(s)))).toEqual([])
  })
})

/** The names that a file imports from, or passes on of, a folder of the house. */
const namesFrom = (file: string, folder: string): string[] =>
  Array.from(
    readFileSync(join(src, file), 'utf8').matchAll(
      /^(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s*from\s*'(\.[^']+)'/gms,
    ),
  )
    .filter(
      ([, , specifier = '']) =>
        folderOf(
          normalize(join(dirname(file), specifier))
            .split(sep)
            .join('/'),
        ) === folder,
    )
    .flatMap(([, names = '']) => names.split(','))
    .map(name => name.replace(/^\s*(type )?/, '').trim())
    .filter(name => name !== '')

test('an adapter of the house is made of what other people can import too, but for a few parts', () => {
  const kit = ['index.ts', 'services/adapter/index.ts', 'services/adapter/check.ts'].flatMap(file =>
    namesFrom(file, 'core'),
  )
  const rooms = [...imports.keys()].filter(
    file => folderOf(file) === 'services' && !file.startsWith('services/common/'),
  )
  const missing = rooms.flatMap(file => namesFrom(file, 'core').filter(name => !kit.includes(name)))
  expect(kit).toContain('hooked')
  expect([...new Set(missing)].toSorted()).toEqual(
    [
      // A connection that lives as long as the services that share it leads steps of its own.
      'ShutdownSteps',
      'atLeast',
      // Where there is nothing to run inside of, http() does not even listen for requests.
      'currentWork',
      'enter',
      // The service that a line of a thread or a process belongs to, and a socket that was handed to the app.
      'Work',
      // A package that amqp() loads at its first connection, if at all.
      'asMissingPackage',
      // What two copies of the library in one process have in common.
      'shared',
      // Texts for people, without the passwords of a URL.
      'currentPath',
      'errorLine',
      'times',
      'withoutUserinfo',
      // A size of memory, which only the watch over memory tells.
      'memorySize',
      // What runs in a thread is made from anything that a group takes.
      'toService',
      // The wall clock, which only a schedule looks at.
      'wallTime',
    ].toSorted(),
  )
})

/** What remains once types are gone. */
const runtimeImports = (file: string): string[] => {
  const text = readFileSync(join(src, file), 'utf8')
  const found = text.matchAll(/^(?:import|export)\s+(?!type\b)(?:\{([^}]*)\}|[^{}'"]*?)\s*from\s*'(\.[^']+)'/gms)
  return Array.from(found)
    .filter(([, names]) => names === undefined || names.split(',').some(n => n.trim() && !n.trim().startsWith('type ')))
    .map(([, , specifier = '']) =>
      normalize(join(dirname(file), specifier))
        .split(sep)
        .join('/'),
    )
}

/** Places where code says something, comments aside, as `file: line`. */
const places = (pattern: RegExp, ...folders: readonly string[]): string[] =>
  [...imports.keys()]
    .filter(file => folders.length === 0 || folders.includes(folderOf(file)))
    .flatMap(file =>
      readFileSync(join(src, file), 'utf8')
        .split('\n')
        .filter(line => !/^\s*(\/?\*|\/\/)/.test(line) && pattern.test(line))
        .map(line => `${file}: ${line.trim()}`),
    )

describe('effects on the process', () => {
  test('live in the process shell and nowhere else', () => {
    const outside = ['', 'core', 'services', 'views', 'testing']
    // Not this process, but the groups of those it has spawned, which outlive it: ended one by one, and at its exit.
    const group = 'services/child-process/process-group.ts: '
    const app = 'testing/process/kill.ts: '
    const ofChildren = [
      `${group}return process.kill(-leader, signal)`,
      `${group}if (living.size === 0) process.on('exit', killAll)`,
      `${group}if (living.delete(leader) && living.size === 0) process.off('exit', killAll)`,
      `${app}process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')`,
      `${app}if (living.size === 0) process.on('exit', killAll)`,
      `${app}if (living.delete(pid) && living.size === 0) process.off('exit', killAll)`,
    ]
    // The terminal stops and continues a process. Keys that it turns into signals otherwise are signals all the same.
    const terminal = 'views/terminal/job-control.ts: '
    const ofTheTerminal = [
      `${terminal}if (process.platform !== 'win32') process.kill(0, signal)`,
      `${terminal}else if (!process.emit(signal, signal) && signal === 'SIGINT') process.kill(process.pid, signal)`,
      `${terminal}process.on('exit', callback)`,
      `${terminal}return () => void process.off('exit', callback)`,
      `${terminal}process.kill(process.pid, 'SIGWINCH')`,
      `${terminal}process.on('SIGCONT', onContinue)`,
      `${terminal}return () => void process.off('SIGCONT', onContinue)`,
    ]
    const effects = /\bprocess\.(exit|exitCode|on|once|off|kill|abort|addListener|removeListener)\b/
    expect(places(effects, ...outside).toSorted()).toEqual([...ofChildren, ...ofTheTerminal].toSorted())
  })

  test('the core does not know that there is a process, nor a timer of the platform', () => {
    // Diagnostics, and where a call comes from, need a look at the platform, if there is one to be found.
    expect(
      places(/\b(process|globalThis|require)\b(\?\.|[.(]| as )/, 'core').filter(
        place => !/^core\/(platform|shared)\.ts: /.test(place),
      ),
    ).toEqual([])
    const timers = places(/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/, 'core')
    const clocks = places(/\b(Date\.now|performance)\b/, 'core')
    expect([...timers, ...clocks].filter(place => !place.startsWith('core/clock.ts: '))).toEqual([])
  })

  test('X6 whoever waits for a time that a user gives does so by the clock of the core', () => {
    // These wait for times of their own, none longer than a minute.
    const ofTheirOwn = [
      'process/',
      'services/grpc/serve.ts',
      'services/common/live-figures.ts',
      'services/http/',
      'services/child-process/',
      'testing/conformance/leftovers.ts',
      'testing/process/',
      'views/common/act.ts',
      'views/dashboard/',
      'views/terminal/keyboard.ts',
      'views/terminal/live.ts',
    ]
    const timers = /\b(setTimeout|setInterval|timers\/promises|asyncScheduler)\b/
    const ofRxjs =
      /\b(auditTime|bufferTime|debounceTime|delay|interval|sampleTime|throttleTime|timeout|timer)\b.*from 'rxjs'/
    const known = (place: string): boolean => ['core/clock.ts', ...ofTheirOwn].some(file => place.startsWith(file))
    expect(places(timers).filter(place => !known(place))).toEqual([])
    expect(places(ofRxjs)).toEqual([])
    expect(places(/^ {2}(auditTime|bufferTime|debounceTime|interval|sampleTime|throttleTime|timeout|timer),$/)).toEqual(
      [],
    )
  })

  test('X6 no time that passes is taken from a clock that can be set', () => {
    const told = [
      'core/clock.ts',
      // When a page is told what time it is, and what it makes of that.
      'views/dashboard/',
    ]
    expect(places(/\bDate\.now\b/).filter(place => !told.some(file => place.startsWith(file)))).toEqual([])
  })

  test('a file is asked after in bigints, so that Node 20 resolves links to packages as before', () => {
    // Its realpath looks at the numbers that the last such call has left, and stops short after a pipe or a socket.
    expect(places(/\b[fl]?statSync\((?!.*bigint: true)/)).toEqual([])
  })

  test('nothing but what prints for people writes to the console', () => {
    expect(places(/\bconsole\./, '', 'core', 'services', 'testing')).toEqual([])
  })
})
