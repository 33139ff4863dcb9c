import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OUR_READY_PATH, OURS, peers, READY_PATH } from './contenders.ts'
import { deploy, failingStart, type Program, stop, twoSignals } from './lives.ts'
import { packagesOf } from './packages.ts'
import { phrases } from './phrases.ts'
import { codeIn, page, sectionOf, writePrograms } from './programs.ts'
import { CONSUMER, type Life, PACKAGES, type Scene, type Seen, STREAM, scenes } from './scenes.ts'
import { cellsOf, columns, rowNames, rowsOf } from './table.ts'

/** On a busy machine a test that waits for one life waits for all the others too, in milliseconds. */
const TIMEOUT = 180_000

const programs = writePrograms()
afterAll(() => programs.remove())

const LIVES: { readonly [L in Life]: (program: Program) => Promise<Seen[L]> } = {
  deploy,
  failingStop: program => stop(program, { ORDERS_CLOSE: 'fails' }),
  hangingStop: program => stop(program, { DB_CLOSE: 'hangs' }),
  failingStart,
  twoSignals,
}
const ALL = Object.keys(LIVES) as Life[]

/** Each life of a program is lived once, whoever asks. */
const lived = new Map<string, Promise<unknown>>()
const live = (program: Program, life: Life): Promise<unknown> => {
  const key = `${life} ${program.file}`
  const seen = lived.get(key) ?? LIVES[life](program)
  lived.set(key, seen)
  return seen
}

const liveAll = async (program: Program, lives: readonly Life[]): Promise<Seen> => {
  const seen = await Promise.all(lives.map(async life => [life, await live(program, life)] as const))
  return Object.fromEntries(seen) as unknown as Seen
}

/** The two programs of a section: before, and after. */
const programsOf = (heading: string): readonly [before: Program, after: Program] => {
  const [before = '', after = ''] = codeIn(sectionOf(page, heading))
  return [
    { file: programs.file(before), readyPath: READY_PATH },
    { file: programs.file(after), readyPath: OUR_READY_PATH },
  ]
}

// All begin at once, so that the processes that never end are waited for together.
beforeAll(() => {
  for (const program of peers.flatMap(({ heading }) => programsOf(heading)))
    for (const life of ALL) live(program, life).catch(() => 'told by the tests that ask for it')
})

/** The cell of one library: it keeps the promise, or a program with own code does, or neither. */
const judge = async ({ lives, holds }: Scene, program: Program, own?: string): Promise<string> => {
  if (holds(await liveAll(program, lives))) return 'yes'
  if (own === undefined) return 'no'
  return holds(await liveAll({ file: programs.own(own), readyPath: READY_PATH }, lives)) ? 'own code' : 'no'
}

describe('the table of the comparison says what was seen', () => {
  const [, ours] = programsOf('@godaddy/terminus')

  test.concurrent.each(scenes)(
    '$name',
    async scene => {
      const judged = [
        judge(scene, ours).then(cell => [OURS, cell]),
        ...peers.map(async ({ name, heading, own }) => [name, await judge(scene, programsOf(heading)[0], own)]),
      ]
      expect(cellsOf(scene.name)).toEqual(Object.fromEntries(await Promise.all(judged)))
    },
    TIMEOUT,
  )

  test(PACKAGES, () => {
    const counted = columns.map(name => [name, `${packagesOf(name).length}`])
    expect(cellsOf(PACKAGES)).toEqual(Object.fromEntries(counted))
  })

  test('and has no row and no column that is not checked', () => {
    expect(rowNames).toEqual([...scenes.map(({ name }) => name), CONSUMER, STREAM, PACKAGES])
    expect(columns).toEqual([OURS, ...peers.map(({ name }) => name)])
  })
})

describe('the page of migration says what changes', () => {
  test.concurrent.each(peers)(
    'from $heading',
    async ({ heading }) => {
      const [before, after] = await Promise.all(programsOf(heading).map(program => liveAll(program, ALL)))
      const rows = phrases.map(([row, phrase]) => [row, phrase(before!), phrase(after!)])
      expect(rowsOf(sectionOf(page, heading)).slice(1)).toEqual(rows)
    },
    TIMEOUT,
  )
})
