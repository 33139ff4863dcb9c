import type { ServerResponse } from 'node:http'
import { hostname } from 'node:os'
import type { Observable } from 'rxjs'
import { skewOf, systemClock } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import { isLeaving, type ServiceState } from '../../core/state.ts'
import type { GroupEvent, SnapshotEvent } from '../../core/status/events.ts'
import { reportOf } from '../../core/status/report.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { newBacklog } from './backlog.ts'
import { type Client, openStream } from './client.ts'
import type { Feed } from './feed.ts'
import { message } from './message.ts'

const BACKLOG = 2000
/** Events are gathered for so long, unless nothing has happened for a while. */
const GATHER = 100
/** So many are sent at once however quickly they come; fewer than the backlog holds. */
const MOST_GATHERED = 1000
/** For whatever lies between, which takes a silent connection for a dead one. */
const HEARTBEAT = 15_000
/** How long a page waits before it connects again. */
const RETRY = 500

/** One group's events, sent to everybody who watches. */
export interface Broadcast {
  /** How many watch. */
  readonly watching: number
  /** What is true now; `undefined` before the first event of a recording. */
  status(): GroupStatus | undefined
  /** @param lastId the id that this client has seen last */
  join(response: ServerResponse, lastId: string | undefined): void
}

/** Listens from now to the end of the group, once for all. Has no timer while nobody watches. */
export const broadcast = (
  group: { readonly name: string; readonly events$: Observable<GroupEvent> },
  actions: boolean,
  feeds: readonly Feed[] = [],
): Broadcast => {
  const backlog = newBacklog(BACKLOG)
  const clients = new Set<Client>()
  /** The last event that everybody has been told. */
  let told = 0
  let own = group.name
  let state: ServiceState = { phase: 'idle' }
  /** What is said last once the group is over. */
  let over: string | undefined
  /** The same, of a group that may go on unseen: made once for all who are left at the same moment. */
  let farewell: { readonly seq: number; readonly text: string } | undefined
  let soon: NodeJS.Immediate | undefined
  let gathering: NodeJS.Timeout | undefined
  let heartbeat: NodeJS.Timeout | undefined
  /** Of the wall clock, when the last event came. */
  let skew = 0

  const tell = (text: string): void => {
    const chunk = Buffer.from(text)
    for (const client of clients) client.write(chunk)
  }
  const flush = (): void => {
    clearImmediate(soon)
    soon = undefined
    if (told === backlog.seq) return
    const events = backlog.between(told, backlog.seq)
    told = backlog.seq
    if (clients.size === 0) return
    clearTimeout(gathering)
    gathering = setTimeout(() => {
      gathering = undefined
      flush()
    }, GATHER).unref()
    tell(eventsMessage(`${backlog.boot}:${told}`, events ?? backlog.all(told)))
  }
  const begin = (snapshot: SnapshotEvent): void => {
    flush()
    skew = skewOf(systemClock)
    own = snapshot.group.path
    state = snapshot.group.state
    backlog.add(snapshot)
    told = backlog.seq
    if (clients.size > 0) tell(eventsMessage(`${backlog.boot}:${told}`, backlog.all(told)))
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
    // What comes in this very turn comes together.
    else if (!gathering) soon ??= setImmediate(flush).unref()
  }
  const rest = (): void => {
    for (const feed of feeds) feed.close()
    clearInterval(heartbeat)
    clearTimeout(gathering)
    clearImmediate(soon)
    heartbeat = gathering = soon = undefined
    told = backlog.seq
  }
  const lastWords = (broken?: unknown): string => {
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
    if (farewell?.seq !== told) farewell = { seq: told, text: lastWords() }
    client.write(Buffer.from(farewell.text))
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
      const events = missing ?? backlog.all(told)
      const hello = {
        boot: backlog.boot,
        now: systemClock.now() + skew,
        seq: told,
        group: group.name,
        actions,
        pid: process.pid,
        host: hostname(),
        node: process.version,
        startedAt: Math.round(performance.timeOrigin),
      }
      const first = [
        `retry: ${RETRY}\n\n`,
        message('hello', hello),
        events === '' || events === '[]' ? '' : eventsMessage(`${backlog.boot}:${told}`, events),
        ...feeds.map(feed => feed.first()),
        over ?? '',
      ]
      const gone = (): void => {
        if (clients.delete(client) && clients.size === 0) rest()
      }
      const client: Client = openStream(response, first.join(''), () => leave(client), gone)
      if (over !== undefined) return client.end()
      if (clients.size === 0) for (const feed of feeds) feed.open(tell)
      clients.add(client)
      heartbeat ??= setInterval(() => tell(': still here\n\n'), HEARTBEAT).unref()
    },
  }
}

const eventsMessage = (id: string, events: string): string => `id: ${id}\nevent: events\ndata: ${events}\n\n`
