import type { ServerResponse } from 'node:http'
import { hostname } from 'node:os'
import type { Observable } from 'rxjs'
import { skewOf, systemClock } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import { isLeaving, type ServiceState } from '../../core/state.ts'
import type { GroupEvent, SnapshotEvent } from '../../core/status/events.ts'
import { reportOf } from '../../core/status/report.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { type Limits, newBacklog } from './backlog.ts'
import { type Client, openStream } from './client.ts'
import type { Feed } from './feed.ts'
import { message } from './message.ts'
import { newPace } from './pace.ts'

/** Limits of the events that are kept for late listeners. */
const BACKLOG: Limits = { events: 2_000, bytes: 4 * 1024 * 1024 }
/** So many are sent at once however quickly they come; fewer than the backlog holds. */
const MOST_GATHERED = 1000
/** For whatever lies between, which takes a silent connection for a dead one. */
const HEARTBEAT = 15_000
const STILL_HERE = Buffer.from(': still here\n\n')
/** How long a page waits before it connects again, in milliseconds. */
const RETRY = Buffer.from('retry: 500\n\n')

/** One group's events, sent to everybody who watches. */
export interface Broadcast {
  /** How many watch. */
  readonly watching: number
  /** The status now; `undefined` before the first event of a recording. */
  status(): GroupStatus | undefined
  /** @param lastId the id that this client has seen last */
  join(response: ServerResponse, lastId: string | undefined): void
}

/**
 * Listens from now to the end of the group, once for all. Has no timer while nobody watches.
 *
 * @param actions what may be asked of the group
 */
export const broadcast = (
  group: { readonly name: string; readonly events$: Observable<GroupEvent> },
  actions: readonly string[] | false,
  feeds: readonly Feed[] = [],
): Broadcast => {
  const backlog = newBacklog(BACKLOG)
  const clients = new Set<Client>()
  /** The last event that everybody has been told. */
  let told = 0
  let own = group.name
  let state: ServiceState = { phase: 'idle' }
  /** The last message once the group is over. */
  let over: Buffer | undefined
  /** The same, of a group that may go on unseen: made once for all who are left at the same moment. */
  let farewell: { readonly seq: number; readonly chunk: Buffer } | undefined
  /** All that is kept: made once for all who come before the next message. */
  let whole: { readonly id: string; readonly chunk: Buffer } | undefined
  let heartbeat: NodeJS.Timeout | undefined
  /** Of the wall clock, when the last event came. */
  let skew = 0

  const tell = (chunk: Buffer): void => {
    for (const client of clients) client.write(chunk)
  }
  const id = (): string => `${backlog.boot}:${told}`
  const all = (): Buffer => {
    if (whole?.id !== id()) whole = { id: id(), chunk: eventsMessage(id(), backlog.all(told)) }
    return whole.chunk
  }
  const hello = (): Buffer => {
    const { boot, completeSince } = backlog
    return message('hello', {
      boot,
      now: systemClock.now() + skew,
      seq: told,
      group: group.name,
      actions,
      pid: process.pid,
      host: hostname(),
      node: process.version,
      startedAt: Math.round(performance.timeOrigin),
      ...(completeSince !== undefined && { completeSince }),
    })
  }
  const flush = (): void => {
    if (told === backlog.seq) return
    const events = backlog.between(told, backlog.seq)
    told = backlog.seq
    if (clients.size === 0) return
    pace.sent()
    if (events !== undefined) return tell(eventsMessage(id(), events))
    // More has come at once than is kept.
    tell(hello())
    tell(all())
  }
  const pace = newPace(() => backlog.seq - told, flush)
  const begin = (snapshot: SnapshotEvent): void => {
    flush()
    skew = skewOf(systemClock)
    own = snapshot.group.path
    state = snapshot.group.state
    backlog.add(snapshot)
    whole = undefined
    told = backlog.seq
    if (clients.size > 0) tell(all())
  }
  const onEvent = (event: GroupEvent): void => {
    for (const feed of feeds) feed.hear?.(event)
    if (event.kind === 'snapshot') return begin(event)
    skew = skewOf(systemClock)
    const { phase } = state
    if (event.kind === 'transition' && event.path === own) state = event.state
    backlog.add(event)
    if (clients.size === 0) told = event.seq
    else if (phase !== state.phase || event.seq - told >= MOST_GATHERED) flush()
    else pace.came()
  }
  const rest = (): void => {
    for (const feed of feeds) feed.close()
    clearInterval(heartbeat)
    heartbeat = undefined
    pace.rest()
    whole = undefined
    told = backlog.seq
  }
  const lastWords = (broken?: unknown): Buffer => {
    const status = backlog.status()
    return message('end', {
      ...(status && reportOf(status)),
      ...(broken !== undefined && { broken: errorInfo(broken) }),
    })
  }
  /** Somebody ends a stream: its server, which belongs to the group as a rule and goes before the group is over. */
  const leave = (client: Client): void => {
    flush()
    if (over !== undefined || !isLeaving(state)) return
    if (farewell?.seq !== told) farewell = { seq: told, chunk: lastWords() }
    client.write(farewell.chunk)
  }
  const finish = (broken?: unknown): void => {
    flush()
    for (const feed of feeds) feed.end?.()
    over = lastWords(broken)
    tell(over)
    for (const client of [...clients]) client.end()
  }
  group.events$.subscribe({ next: onEvent, error: finish, complete: () => finish() })

  return {
    get watching() {
      return clients.size
    },
    status: backlog.status,
    join: (response, lastId) => {
      // It has hung up while somebody before us was asked.
      if (response.destroyed) return
      const [, boot, seq] = /^(.+):(\d+)$/.exec(lastId ?? '') ?? []
      const missing = boot === backlog.boot ? backlog.between(Number(seq), told) : undefined
      const events = missing === undefined ? all() : eventsMessage(id(), missing)
      const first = [RETRY, hello(), events, ...feeds.map(feed => feed.first()), ...(over ? [over] : [])]
      const gone = (): void => {
        if (clients.delete(client) && clients.size === 0) rest()
      }
      const client: Client = openStream(response, first, () => leave(client), gone)
      if (over !== undefined) return client.end()
      if (clients.size === 0) for (const feed of feeds) feed.open(tell)
      clients.add(client)
      heartbeat ??= setInterval(() => tell(STILL_HERE), HEARTBEAT).unref()
    },
  }
}

const eventsMessage = (id: string, events: string): Buffer =>
  events === '' || events === '[]' ? NOTHING : Buffer.from(`id: ${id}\nevent: events\ndata: ${events}\n\n`)

const NOTHING = Buffer.alloc(0)
