import type { LinesOf } from '../../../core/console-lines.ts'
import type { GroupFigures } from '../../../core/figures.ts'
import type { GroupEvent } from '../../../core/status/events.ts'
import { newReader } from './sse.ts'

/** The first message of a server, about itself. */
export interface Hello {
  /** Changes with every process. */
  readonly boot: string
  /** The server's time, in milliseconds since the epoch, as the clock was when the last event came. */
  readonly now: number
  /** The number of that event. */
  readonly seq: number
  readonly group: string
  /** The actions that can be asked for from here; `true` of an older server. */
  readonly actions: boolean | readonly string[]
  /** Left out of a recording that does not tell it. */
  readonly pid?: number
  readonly host?: string
  readonly node?: string
}

/** The output of services: all that is kept of it, or its news. */
export interface Lines {
  readonly all: boolean
  readonly of: readonly LinesOf[]
}

/** The figures of the process: all that are kept, or the new ones. */
export interface Figures {
  readonly all: boolean
  readonly figures: readonly GroupFigures[]
}

/**
 * How the page is connected. `silent`: the connection stands, and nothing comes over it, not even a heartbeat. `gone`:
 * the process has said that it ends.
 */
export type Connection = 'connecting' | 'live' | 'lost' | 'silent' | 'gone'

/** A message about a group. Events and reports are JSON, as they came. */
export type Heard =
  /** `age`: how long ago it was said, in milliseconds. */
  | { readonly kind: 'hello'; readonly hello: Hello; readonly age: number }
  /** `boot`: the process that the events are numbered in. */
  | { readonly kind: 'events'; readonly boot: string; readonly events: string }
  /** Of the process whose events came last. */
  | { readonly kind: 'lines'; readonly lines: Lines }
  | { readonly kind: 'figures'; readonly figures: Figures }
  | { readonly kind: 'end'; readonly report: string }
  /** `ago`: since when nothing has been heard, in milliseconds. */
  | { readonly kind: 'connection'; readonly connection: Connection; readonly ago: number }

/** A server sends something every 15 s at least. */
const SILENCE = 20_000
/** How soon to connect again after a connection was lost, in milliseconds. */
const RETRY = 500
/** How often to look for a process that is gone, or does not answer as it should. */
const LOOK_EVERY = 2_000

/** Listens for ever: takes up a connection that is lost or silent again. Returns what ends it. */
export const follow = (url: string, hear: (heard: Heard) => void): (() => void) => {
  let abort = new AbortController()
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined
  /** The id of the last events that were seen. */
  let lastId: string | undefined
  /** The process that was seen last, and whether it has said that it ends. */
  let boot = ''
  let gone = false
  let heardAt = performance.now()
  let silence: ReturnType<typeof setTimeout> | undefined

  const tell = (connection: Connection): void =>
    hear({ kind: 'connection', connection, ago: performance.now() - heardAt })
  const listenOut = (): void => {
    clearTimeout(silence)
    silence = setTimeout(() => {
      if (!gone) tell('silent')
      again(0)
    }, SILENCE)
  }
  const again = (delay: number): void => {
    abort.abort()
    clearTimeout(silence)
    clearTimeout(timer)
    timer = setTimeout(open, delay)
  }
  /** Whether there is more to hear on this connection. */
  const onMessage = (event: string, data: string, id: string | undefined): boolean => {
    if (event === 'hello') {
      const hello = JSON.parse(data) as Hello
      // The server has told its end, and still answers: there is nothing new to hear.
      if (gone && hello.boot === boot) return false
      gone = false
      boot = hello.boot
      hear({ kind: 'hello', hello, age: 0 })
      tell('live')
    } else if (event === 'events') {
      if (id) lastId = id
      hear({ kind: 'events', boot: id?.slice(0, id.lastIndexOf(':')) ?? boot, events: data })
    } else if (event === 'lines') hear({ kind: 'lines', lines: JSON.parse(data) })
    else if (event === 'figures') hear({ kind: 'figures', figures: JSON.parse(data) })
    else if (event === 'end') {
      gone = true
      hear({ kind: 'end', report: data })
      tell('gone')
      return false
    }
    return true
  }
  /** Resolves with whether it was a stream at all. */
  const listen = async (signal: AbortSignal): Promise<boolean> => {
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
    const response = await fetch(url, { headers, signal })
    const isStream = response.ok && response.headers.get('content-type')?.startsWith('text/event-stream')
    if (!isStream || !response.body) return false
    const read = newReader()
    const texts = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value = '' } = await texts.read()
      // The answer came after the wait for it had been cancelled.
      if (done || signal.aborted) return true
      heardAt = performance.now()
      listenOut()
      for (const { event, data, id } of read(value)) if (!onMessage(event, data, id)) return true
    }
  }
  const open = async (): Promise<void> => {
    abort = new AbortController()
    const { signal } = abort
    listenOut()
    const wasStream = await listen(signal).catch(() => true)
    if (closed || signal.aborted) return
    if (!gone) tell('lost')
    again(gone || !wasStream ? LOOK_EVERY : RETRY)
  }
  void open()
  return () => {
    closed = true
    abort.abort()
    clearTimeout(timer)
    clearTimeout(silence)
  }
}

/** The events of a message. */
export const eventsIn = (text: string): readonly GroupEvent[] => JSON.parse(text)
