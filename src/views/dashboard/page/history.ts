import { ConsoleRings } from '../../../core/console-lines.ts'
import type { GroupFigures } from '../../../core/figures.ts'
import { foldStatus, type GroupStatus, snapshotOf } from '../../../core/status/status.ts'
import { eventsIn, type Figures, type Heard, type Hello, type Lines } from './connection.ts'
import { latestFigures } from './series.ts'

/** So many events are kept at least, as many as the log of a page; and at most twice as many. */
const KEPT = 5_000
/** The size of all events that are kept, in characters. */
const LARGEST = 16_000_000

interface Chunk {
  readonly events: string
  readonly count: number
}

/** All that was heard of one process. */
interface Run {
  readonly boot: string
  hello: Hello
  /** When the hello was heard, by `performance.now()`. */
  helloAt: number
  /** All that came before the chunks. */
  base: GroupStatus | undefined
  chunks: Chunk[]
  /** How many events the chunks hold, and of how many characters. */
  count: number
  size: number
  /** The output of services and the figures of the process, if it tells them. */
  rings?: ConsoleRings
  figures?: readonly GroupFigures[]
  report?: string
}

/** Keeps what was heard, for those who come later: of the present process, and of the one before. */
export interface History {
  add(heard: Heard): void
  /** All that somebody must hear who comes now. */
  all(): readonly Heard[]
}

export const newHistory = (): History => {
  let runs: readonly Run[] = []
  let hello: { readonly hello: Hello; readonly at: number } | undefined
  let connection: Heard | undefined
  let connectedAt = 0

  /** Of a process nothing is kept before it has told what is true. */
  const runOf = (boot: string): Run | undefined => {
    const last = runs.at(-1)
    if (last?.boot === boot) return last
    if (!hello) return undefined
    const run: Run = { boot, hello: hello.hello, helloAt: hello.at, base: undefined, chunks: [], count: 0, size: 0 }
    runs = [...runs, run].slice(-2)
    return run
  }
  const onEvents = (boot: string, text: string): void => {
    const events = eventsIn(text)
    const run = runOf(boot)
    if (!run) return
    if (events[0]?.kind === 'snapshot') {
      run.base = undefined
      run.chunks = []
      run.count = run.size = 0
    }
    run.chunks.push({ events: text, count: events.length })
    run.count += events.length
    run.size += text.length
    if (run.count > 2 * KEPT || run.size > LARGEST) shorten(run)
  }
  const onLines = ({ all, of }: Lines): void => {
    const run = runs.at(-1)
    if (!run) return
    if (all || !run.rings) run.rings = new ConsoleRings()
    for (const lines of of) run.rings.take(lines)
  }
  const onFigures = ({ all, figures }: Figures): void => {
    const run = runs.at(-1)
    if (run) run.figures = latestFigures(all ? [] : run.figures, figures)
  }
  return {
    add: heard => {
      if (heard.kind === 'hello') {
        const at = performance.now() - heard.age
        hello = { hello: heard.hello, at }
        const last = runs.at(-1)
        if (last?.boot === heard.hello.boot) {
          last.hello = heard.hello
          last.helloAt = at
        }
      } else if (heard.kind === 'events') onEvents(heard.boot, heard.events)
      else if (heard.kind === 'end') {
        const last = runs.at(-1)
        if (last) last.report = heard.report
      } else if (heard.kind === 'lines') onLines(heard.lines)
      else if (heard.kind === 'figures') onFigures(heard.figures)
      else {
        connection = heard
        connectedAt = performance.now()
      }
    },
    all: () => {
      const now = performance.now()
      const told = runs.flatMap(({ boot, hello, helloAt, base, chunks, rings, figures, report }): readonly Heard[] => [
        { kind: 'hello', hello, age: now - helloAt },
        ...(base ? [{ kind: 'events' as const, boot, events: JSON.stringify([snapshotOf(base)]) }] : []),
        ...chunks.map(({ events }) => ({ kind: 'events' as const, boot, events })),
        ...(rings ? [{ kind: 'lines' as const, lines: { all: true, of: rings.all() } }] : []),
        ...(figures ? [{ kind: 'figures' as const, figures: { all: true, figures } }] : []),
        ...(report === undefined ? [] : [{ kind: 'end' as const, report }]),
      ])
      const next: readonly Heard[] =
        hello && hello.hello !== runs.at(-1)?.hello ? [{ kind: 'hello', hello: hello.hello, age: now - hello.at }] : []
      return [
        ...told,
        ...next,
        ...(connection?.kind === 'connection' ? [{ ...connection, ago: connection.ago + now - connectedAt }] : []),
      ]
    },
  }
}

/** Folds the older half into what came before it. */
const shorten = (run: Run): void => {
  let gone = 0
  while (gone < run.chunks.length - 1 && (run.count > KEPT || run.size > LARGEST / 2)) {
    const { events, count } = run.chunks[gone++]!
    for (const event of eventsIn(events)) {
      run.base = foldStatus(run.base, event)
      // A clock that was set since the hello: what is kept of it must not be counted again.
      if (event.kind !== 'snapshot' && event.seq > run.hello.seq)
        run.hello = { ...run.hello, seq: event.seq, now: run.hello.now + (event.clockSet ?? 0) }
    }
    run.count -= count
    run.size -= events.length
  }
  run.chunks = run.chunks.slice(gone)
}
