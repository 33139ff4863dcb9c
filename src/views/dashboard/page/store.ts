import { ConsoleRings } from '../../../core/console-lines.ts'
import type { GroupFigures } from '../../../core/figures.ts'
import type { GroupEvent } from '../../../core/status/events.ts'
import { type Connection, eventsIn, type Heard, type Hello } from './connection.ts'
import { foldModel, type Model } from './model.ts'
import { type AllSeries, foldSeries, latestFigures, NO_SERIES } from './series.ts'
import { followTogether } from './shared.ts'

/** The output and the figures of services and their process. */
interface Told {
  /** The figures of services, by path. */
  readonly series: AllSeries
  /** The figures of the process, the latest last; `undefined` unless the process tells it. */
  readonly figures?: readonly GroupFigures[]
  /** The output of services; `undefined` unless the process tells it. Another object after each change. */
  readonly printed?: { readonly rings: ConsoleRings }
}

/** All that is known of one process. */
export interface Run extends Told {
  readonly model: Model
  readonly hello?: Hello | undefined
  /** When that was last known to be true, by the server's clock. */
  readonly asOf: number
}

/** All that the page draws from. */
export interface View extends Told {
  readonly model?: Model
  readonly hello?: Hello
  readonly connection: Connection
  /** When what is shown was last known to be true, by the server's clock; `undefined` while it is live. */
  readonly asOf?: number
  /** The process before this one, kept to look at. */
  readonly previous?: Run
}

/** Whether what is shown may not be true any more, and nobody has said so. */
export const isStale = ({ connection }: View): boolean => connection === 'lost' || connection === 'silent'

export interface Store {
  readonly view: View
  /** The server's time; it stands still when what is shown does. */
  now(): number
  /** Calls back when there is something to draw, at most once a frame. */
  listen(act: () => void): () => void
  /** Keeps all lines after this one until they have been shown. */
  readFrom(line: number | undefined): void
  close(): void
}

/** So many events are drawn in one frame; when more have come at once, the rest in the next ones. */
const A_FRAME = 40

/** A page in the background is given no frames: it folds what has come once so much has. */
const UNSEEN = 10_000

/** @param script the address of the page's own script, which is the worker that all tabs share too */
export const openStore = (url: string, script: string): Store => {
  let view: View = { connection: 'connecting', series: NO_SERIES }
  let rings = new ConsoleRings()
  /** Of a process whose snapshot has not come yet: until then the old one stays. */
  let next: Hello | undefined
  /** When the process before was last known to be there. */
  let lastKnown: number | undefined
  /** The process that the model is of. */
  let boot: string | undefined
  /** From the page's time, which no clock that is set can change, to the server's. */
  let offset = 0
  /** The last event that the server's time took into account when it was told. */
  let offsetSince = 0
  let from: number | undefined
  let frame = 0
  let mail: GroupEvent[] = []
  const listeners = new Set<() => void>()
  // The first word may have been long on its way: what has been told is never in the future.
  const live = (): number => performance.now() + offset
  const now = (): number => Math.max(view.asOf ?? live(), view.model?.status.at ?? 0)

  /** Takes in the first so many of what has come. */
  const fold = (most: number): void => {
    if (mail.length === 0) return
    const events = mail.length > most ? mail.splice(0, most) : mail
    if (events === mail) mail = []
    for (const event of events) if (event.kind !== 'snapshot' && event.seq > offsetSince) offset += event.clockSet ?? 0
    const model = foldModel(view.model, events, { ...(from !== undefined && { from }) })
    if (model) view = { ...view, model, series: foldSeries(view.series, events) }
  }
  const draw = (): void => {
    frame = 0
    fold(mail[0]?.kind === 'snapshot' ? Infinity : Math.max(A_FRAME, mail.length / 4))
    for (const listener of listeners) listener()
    if (mail.length > 0) plan()
  }
  const plan = (): void => {
    frame ||= requestAnimationFrame(draw)
  }
  /** A snapshot of another process: what is known of the one before is put aside. */
  const begin = (of: string): void => {
    if (boot !== undefined && of !== boot) {
      fold(Infinity)
      const { model, hello, asOf = lastKnown ?? model?.status.at ?? 0, connection, previous, ...told } = view
      const before = model ? { model, hello, asOf, ...told } : previous
      view = { connection, series: NO_SERIES, ...(before && { previous: before }) }
      if (hello) view = { ...view, hello }
    }
    boot = of
    mail = []
    if (next) view = { ...view, hello: next }
    next = undefined
  }
  const connected = (connection: Connection, ago: number): void => {
    if (connection === view.connection) return
    // A group that ended may have done so long ago: a recording.
    const known = connection === 'gone' ? view.model?.status.at : undefined
    const { asOf = known ?? live() - ago, ...rest } = view
    if (connection === 'live') lastKnown = view.asOf
    view =
      connection === 'live' || connection === 'connecting' ? { ...rest, connection } : { ...rest, connection, asOf }
  }
  const hear = (heard: Heard): void => {
    if (heard.kind === 'hello') {
      const { hello, age } = heard
      offset = hello.now + age - performance.now()
      offsetSince = hello.seq
      if (view.hello?.boot === hello.boot || !view.model) view = { ...view, hello }
      else next = hello
    } else if (heard.kind === 'events') {
      const events = eventsIn(heard.events)
      if (events[0]?.kind === 'snapshot') begin(heard.boot)
      for (const event of events) mail.push(event)
      if (mail.length > UNSEEN) fold(Infinity)
    } else if (heard.kind === 'end') {
      fold(Infinity)
      if (view.model) view = { ...view, model: { ...view.model, report: JSON.parse(heard.report) } }
    } else if (heard.kind === 'lines') {
      if (heard.lines.all) rings = new ConsoleRings()
      for (const lines of heard.lines.of) rings.take(lines)
      view = { ...view, printed: { rings } }
    } else if (heard.kind === 'figures') {
      const { all, figures } = heard.figures
      view = { ...view, figures: latestFigures(all ? [] : view.figures, figures) }
    } else connected(heard.connection, heard.ago)
    plan()
  }
  const close = followTogether(url, script, hear)

  return {
    get view() {
      return view
    },
    now,
    listen: act => {
      listeners.add(act)
      return () => listeners.delete(act)
    },
    readFrom: line => {
      from = line
    },
    close: () => {
      close()
      cancelAnimationFrame(frame)
    },
  }
}

/** The process before the present one, as a store that nothing happens in any more. */
export const pastStore = ({ hello, ...run }: Run): Store => {
  const { model, asOf } = run
  const view: View = { ...run, ...(hello && { hello }), connection: 'gone' }
  return {
    view,
    now: () => Math.max(asOf, model.status.at),
    listen: () => () => {},
    readFrom: () => {},
    close: () => {},
  }
}
