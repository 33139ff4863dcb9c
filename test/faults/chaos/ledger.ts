import type { Numbered } from './message.ts'

/** What one consumer process was and wrote down. */
export interface Written {
  readonly name: string
  readonly prefetch: number
  readonly lines: readonly string[]
}

/** How what a consumer held over one channel came to its end. */
export type SessionEnd =
  /** The process was killed. */
  | 'killed'
  /** The broker closed, lost or dropped the connection. */
  | 'lost'
  /** It was told to end, and had to be forced since the broker did not answer. */
  | 'forced'
  /** It was closed in order: nothing it has done may come again. */
  | 'closed'

export interface Session {
  readonly process: string
  readonly prefetch: number
  readonly end: SessionEnd
  /** Messages done here that were done once more elsewhere. */
  again: number
}

/** The verdict over all that was written down. */
export interface Verdict {
  /** Different numbers that were done. */
  readonly done: number
  readonly parked: number
  /** Different numbers that were done or parked. */
  readonly settled: number
  /** Confirmed to the producer, and neither handled nor parked. */
  readonly lost: readonly string[]
  /** Done twice, and nothing that AMQP can't avoid explains it. */
  readonly unexplained: readonly string[]
  /** Done twice, by what explains it. */
  readonly again: Readonly<Record<Excuse, number>>
  /** The most that a session did that was done once more, in parts of its prefetch; more than 1 must not be. */
  readonly worst: Readonly<Record<'killed' | 'lost' | 'forced', { readonly again: number; readonly prefetch: number }>>
  readonly overPrefetch: readonly Session[]
  readonly sessions: number
  readonly failed: number
}

/**
 * Why a message that was done is done again, though nobody made a mistake:
 *
 * - `killed`, `lost`, `forced`: whoever did it was cut off from the broker before its acknowledgement arrived
 * - `copying`: a copy of it was published instead of it, and nobody knows whether the copy arrived, or whether the
 *   original was acknowledged: a connection was lost, or the broker took nothing, or the process was killed at the time
 * - `publishing`: the producer can't know either, and published it again
 */
export type Excuse = 'killed' | 'lost' | 'forced' | 'copying' | 'publishing'

interface Event {
  readonly session: Session
  readonly at: number
}

const keyOf = (n: number | string, copy: string): string => `${n} of ${copy}`

/**
 * @param parked What was found in the queue of those that were parked.
 */
export const judge = (
  producer: readonly string[],
  consumers: readonly Written[],
  parked: readonly Numbered[],
): Verdict => {
  const events = new Map<string, Event[]>()
  const times = new Map<string, number>()
  const numbers = new Set<string>()
  const sessions: Session[] = []
  /** Copies of which nobody knows whether they and their originals are one. */
  const copied = new Map<string, number>()
  let failed = 0

  // A copy that waits at the broker while that is restarted may be handed over twice, whoever has published it.
  const losses = consumers.flatMap(({ lines }) => lines.filter(line => line.startsWith('lost ')))
  for (const written of consumers) {
    const ofTag = new Map<string, Session>()
    const uncertain = whenUncertain(written.lines, losses)
    for (const line of written.lines) {
      const [what, n, copy, tag, at] = line.split(' ') as [string, string, string, string, string]
      if (what === 'copy' && uncertain(Number(tag))) copied.set(keyOf(n, copy), (copied.get(keyOf(n, copy)) ?? 0) + 1)
      if (what !== 'handled' && what !== 'failed') continue
      const session: Session = ofTag.get(tag) ?? {
        process: written.name,
        prefetch: written.prefetch,
        end: endOf(written, tag),
        again: 0,
      }
      if (!ofTag.has(tag)) sessions.push(session)
      ofTag.set(tag, session)
      const key = keyOf(n, copy)
      push(events, key, { session, at: Number(at) })
      if (what === 'failed') failed++
      else {
        numbers.add(n)
        times.set(key, (times.get(key) ?? 0) + 1)
      }
    }
  }
  const parkedNumbers = new Set<number>()
  for (const { n, copy } of parked) {
    parkedNumbers.add(n)
    times.set(keyOf(n, copy), (times.get(keyOf(n, copy)) ?? 0) + 1)
  }

  const lost: string[] = []
  const publishedAgain = new Map<string, number>()
  for (const line of producer) {
    const [what, n, copy] = line.split(' ') as [string, string, string]
    if (what === 'again') publishedAgain.set(keyOf(n, copy), (publishedAgain.get(keyOf(n, copy)) ?? 0) + 1)
    else if (what === 'confirmed' && !times.has(keyOf(n, copy))) lost.push(keyOf(n, copy))
  }

  const unexplained: string[] = []
  const again = { killed: 0, lost: 0, forced: 0, copying: 0, publishing: 0 }
  for (const [key, count] of times) {
    // Whoever was the last to do it was heard by the broker.
    const left = (events.get(key) ?? []).toSorted((a, b) => a.at - b.at)
    const take = (isIt: (event: Event) => boolean): Event | undefined => {
      const at = left.findIndex(isIt)
      return at < 0 ? undefined : left.splice(at, 1)[0]
    }
    const isCutOff = ({ session }: Event) => session.end !== 'closed'
    const explain = (): Excuse | undefined => {
      const charge = (event: Event): Excuse => {
        event.session.again++
        return event.session.end as Excuse
      }
      const copies = publishedAgain.get(key) ?? 0
      if (copies > 0) {
        publishedAgain.set(key, copies - 1)
        return 'publishing'
      }
      const uncertain = copied.get(key) ?? 0
      if (uncertain > 0) {
        copied.set(key, uncertain - 1)
        return 'copying'
      }
      const cutOff = take(event => isCutOff(event) && event.session.again < event.session.prefetch)
      if (cutOff) return charge(cutOff)
      const tooMany = take(isCutOff)
      return tooMany && charge(tooMany)
    }
    for (let more = count - 1; more > 0; more--) {
      const excuse = explain()
      if (excuse) again[excuse]++
      else
        unexplained.push(
          `${key}: ${events
            .get(key)
            ?.map(({ session }) => `${session.process} (${session.end})`)
            .join(', ')}`,
        )
    }
  }

  const worstOf = (end: SessionEnd) =>
    sessions
      .filter(session => session.end === end)
      .reduce((worst, one) => (one.again / one.prefetch > worst.again / worst.prefetch ? one : worst), {
        again: 0,
        prefetch: 1,
      })
  return {
    done: numbers.size,
    parked: parkedNumbers.size,
    settled: new Set([...[...numbers].map(Number), ...parkedNumbers]).size,
    lost,
    unexplained,
    again,
    worst: { killed: worstOf('killed'), lost: worstOf('lost'), forced: worstOf('forced') },
    overPrefetch: sessions.filter(session => session.again > session.prefetch),
    sessions: sessions.length,
    failed,
  }
}

const push = <K, V>(map: Map<K, V[]>, key: K, value: V): void => {
  const values = map.get(key)
  if (values) values.push(value)
  else map.set(key, [value])
}

/** Who is lost is followed by the loss, or by the next session; only the last can end in any other way. */
const endOf = ({ lines }: Written, tag: string): SessionEnd => {
  const rest = lines.slice(lines.indexOf(`session ${tag}`) + 1)
  if (rest.some(line => line.startsWith('lost consuming ') || line.startsWith('session '))) return 'lost'
  const end = rest.find(line => line.startsWith('end '))
  if (!end) return 'killed'
  return end.split(' ')[2] === 'stopped' ? 'closed' : 'forced'
}

/**
 * How long it may take until a process notices that its connection is lost, in milliseconds: two heartbeats of 2 s, and
 * as much again on a busy machine. What it has sent meanwhile may not have arrived.
 */
const ON_ITS_WAY = 8000

/** Whether it is uncertain what became of a copy that was published at a time, and of its original. */
const whenUncertain = (lines: readonly string[], losses: readonly string[]): ((at: number) => boolean) => {
  const spans = losses.map(line => {
    const at = Number(line.split(' ').at(-1))
    return { from: at - ON_ITS_WAY, to: at }
  })
  let blockedAt: number | undefined
  let latest = 0
  for (const line of lines) {
    const words = line.split(' ')
    const at = Number(words.at(-1))
    if (Number.isFinite(at)) latest = Math.max(latest, at)
    if (words[0] === 'blocked') blockedAt ??= at
    if (words[0] === 'unblocked' || words[0] === 'lost') {
      if (blockedAt !== undefined) spans.push({ from: blockedAt - ON_ITS_WAY, to: at })
      blockedAt = undefined
    }
  }
  if (blockedAt !== undefined) spans.push({ from: blockedAt - ON_ITS_WAY, to: Number.POSITIVE_INFINITY })
  const end = lines.findLast(line => line.startsWith('end '))
  // It was killed, or forced: what it had published last may have arrived, and its acknowledgements not.
  if (end?.split(' ')[2] !== 'stopped') spans.push({ from: latest - ON_ITS_WAY, to: Number.POSITIVE_INFINITY })
  return at => spans.some(({ from, to }) => at >= from && at <= to)
}
