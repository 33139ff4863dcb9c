import { ConsoleRings } from '../../../core/console-lines.ts'
import type { GroupFigures } from '../../../core/figures.ts'
import type { GroupEvent } from '../../../core/status/events.ts'
import { type Connection, connect, type Hello } from './connection.ts'
import { foldModel, type Model } from './model.ts'
import { type AllSeries, foldSeries, MOST_POINTS, NO_SERIES } from './series.ts'

/** All that the page draws from. */
export interface View {
  readonly model?: Model
  readonly hello?: Hello
  readonly connection: Connection
  /** The figures of services, by path. */
  readonly series: AllSeries
  /** What the process needs, the latest last; `undefined` unless the process tells it. */
  readonly figures?: readonly GroupFigures[]
  /** What services have printed; `undefined` unless the process tells it. Another object after each change. */
  readonly printed?: { readonly rings: ConsoleRings }
  /** When what is shown was last known to be true, by the server's clock; `undefined` while it is live. */
  readonly asOf?: number
}

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

export const openStore = (url: string): Store => {
  let view: View = { connection: 'connecting', series: NO_SERIES }
  let rings = new ConsoleRings()
  /** Of a process whose snapshot has not come yet: until then the old one stays. */
  let next: Hello | undefined
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
  // A page in the background is given no frames: it folds what has come when it is looked at again, or when much has.
  const plan = (): void => {
    frame ||= requestAnimationFrame(draw)
  }
  const close = connect(url, {
    onHello: hello => {
      offset = hello.now - performance.now()
      offsetSince = hello.seq
      if (view.hello?.boot === hello.boot || !view.model) view = { ...view, hello }
      else next = hello
      plan()
    },
    onEvents: events => {
      const first = events[0]
      if (first?.kind === 'snapshot') {
        mail = []
        if (next) {
          // What the new process tells comes after its events.
          const { printed: _, figures: __, ...rest } = view
          view = { ...rest, hello: next }
        }
        next = undefined
      }
      for (const event of events) mail.push(event)
      if (mail.length > 10_000) fold(Infinity)
      plan()
    },
    onLines: ({ all, of }) => {
      if (all) rings = new ConsoleRings()
      for (const lines of of) rings.take(lines)
      view = { ...view, printed: { rings } }
      plan()
    },
    onFigures: ({ all, figures }) => {
      view = { ...view, figures: [...(all ? [] : (view.figures ?? [])), ...figures].slice(-MOST_POINTS) }
      plan()
    },
    onEnd: report => {
      fold(Infinity)
      if (view.model) view = { ...view, model: { ...view.model, report } }
    },
    onConnection: connection => {
      if (connection === view.connection) return
      // What ended may have done so long ago: a recording.
      const known = connection === 'gone' ? view.model?.status.at : undefined
      const { asOf = known ?? live(), ...rest } = view
      view =
        connection === 'live' || connection === 'connecting' ? { ...rest, connection } : { ...rest, connection, asOf }
      plan()
    },
  })

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
