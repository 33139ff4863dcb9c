import type { LinesOf } from '../../../core/console-lines.ts'
import type { GroupFigures } from '../../../core/figures.ts'
import type { GroupEvent } from '../../../core/status/events.ts'
import type { Report } from '../../../core/status/report.ts'

/** What a server says of itself first. */
export interface Hello {
  /** Changes with every process. */
  readonly boot: string
  /** The server's time, in milliseconds since the epoch, as the clock was when the last event came. */
  readonly now: number
  /** The number of that event. */
  readonly seq: number
  readonly group: string
  /** What can be asked of services from here. */
  readonly actions: readonly string[] | boolean
  readonly pid: number
  readonly host: string
  readonly node: string
  readonly startedAt: number
}

/** What services have printed: all that is kept of it, or what is new. */
export interface Lines {
  readonly all: boolean
  readonly of: readonly LinesOf[]
}

/** What the process needs: all that is kept of it, or what is new. */
export interface Figures {
  readonly all: boolean
  readonly figures: readonly GroupFigures[]
}

/** How the page is connected: `gone` once the process has said that it ends. */
export type Connection = 'connecting' | 'live' | 'lost' | 'gone'

export interface Listener {
  onHello(hello: Hello): void
  onEvents(events: readonly GroupEvent[]): void
  onLines(lines: Lines): void
  onFigures(figures: Figures): void
  onEnd(report: Report): void
  onConnection(connection: Connection): void
}

/** How often to look for a new process once the old one is gone. */
const LOOK_EVERY = 2_000

/** Listens for ever. A connection that is lost is taken up again by the browser; after a good end we look slowly. */
export const connect = (url: string, listener: Listener): (() => void) => {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  /** The process that was seen last, and whether it has said that it ends. */
  let boot: string | undefined
  let gone = false

  const again = (): void => {
    source?.close()
    clearTimeout(timer)
    timer = setTimeout(open, LOOK_EVERY)
  }
  const open = (): void => {
    const current = new EventSource(url)
    source = current
    const on = (type: string, act: (data: string) => void): void =>
      current.addEventListener(type, event => act((event as MessageEvent<string>).data))
    on('hello', data => {
      const hello = JSON.parse(data) as Hello
      // It has said goodbye, and still answers: there is nothing new to hear.
      if (gone && hello.boot === boot) return again()
      gone = false
      boot = hello.boot
      listener.onHello(hello)
      listener.onConnection('live')
    })
    on('events', data => listener.onEvents(JSON.parse(data)))
    on('lines', data => listener.onLines(JSON.parse(data)))
    on('figures', data => listener.onFigures(JSON.parse(data)))
    on('end', data => {
      gone = true
      listener.onEnd(JSON.parse(data))
      listener.onConnection('gone')
      again()
    })
    current.onerror = () => {
      if (!gone) listener.onConnection('lost')
      // Closed for good: an answer that is no event stream, as a proxy gives.
      if (gone || current.readyState === EventSource.CLOSED) again()
    }
  }
  open()
  return () => {
    source?.close()
    clearTimeout(timer)
  }
}
