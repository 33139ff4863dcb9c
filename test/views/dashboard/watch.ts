import { get, type IncomingHttpHeaders } from 'node:http'
import type { Express } from 'express'
import { foldStatus, type GroupEvent, type GroupStatus, serviceGroup } from 'rx-service-group'
import { type HttpTarget, http } from 'rx-service-group/http'
import { onTestFinished } from 'vitest'
import type { ProcessFigures } from '../../../src/core/figures.ts'

export interface Message {
  readonly event: string
  readonly id?: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON comes.
  readonly data: any
}

export interface Watcher {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  /** All but `figures`, which come each second whatever happens. */
  readonly messages: readonly Message[]
  /** What the process has needed, as it was told. */
  readonly figures: readonly ProcessFigures[]
  readonly comments: readonly string[]
  /** All events that came, one after the other. */
  readonly events: readonly GroupEvent[]
  /** What they fold to. */
  readonly folded: GroupStatus | undefined
  /** Resolves once it is so; rejects when the stream ends before. */
  until(so: (watcher: Watcher) => unknown): Promise<void>
  /** Resolves when the stream has ended, well or not. */
  readonly ended: Promise<'ended' | 'cut'>
  close(): void
}

export interface WatchOptions {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A page, as far as the server can tell: it follows the events. */
export const watch = (port: number, { path = '/events', headers = {} }: WatchOptions = {}): Promise<Watcher> =>
  new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path, headers, agent: false }, response => {
      const messages: Message[] = []
      const figures: ProcessFigures[] = []
      const comments: string[] = []
      const waiting = new Set<() => void>()
      let text = ''
      let over = false
      const wake = (): void => {
        for (const look of [...waiting]) look()
      }
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop()!
        for (const block of blocks) {
          if (block.startsWith(':')) comments.push(block)
          else if (!block.startsWith('retry:')) {
            const message = parse(block)
            if (message.event === 'figures') figures.push(...message.data.figures)
            else messages.push(message)
          }
        }
        wake()
      })
      const ended = new Promise<'ended' | 'cut'>(settle => {
        response.on('error', () => {})
        response.once('close', () => {
          over = true
          settle(response.complete ? 'ended' : 'cut')
          wake()
        })
      })
      const watcher: Watcher = {
        status: response.statusCode,
        headers: response.headers,
        messages,
        figures,
        comments,
        get events() {
          return messages.flatMap(({ event, data }) => (event === 'events' ? (data as GroupEvent[]) : []))
        },
        get folded() {
          return watcher.events.reduce<GroupStatus | undefined>(foldStatus, undefined)
        },
        until: so =>
          new Promise((is, isNot) => {
            const look = (): void => {
              if (so(watcher)) is()
              else if (over) isNot(new Error(`it ended before: ${JSON.stringify(messages.at(-1))}`))
              else return
              waiting.delete(look)
            }
            waiting.add(look)
            look()
          }),
        ended,
        close: () => asked.destroy(),
      }
      onTestFinished(() => watcher.close())
      resolve(watcher)
    }).on('error', reject)
  })

const parse = (block: string): Message => {
  const fields = Object.fromEntries(
    block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  )
  const { event = '', id, data = 'null' } = fields
  return { event, ...(id !== undefined && { id }), data: JSON.parse(data) }
}

/** Serves something by our own http service, in a group of its own, until the test is over. */
export const serve = async (target: HttpTarget | Express): Promise<number> => {
  const serving = serviceGroup('serving').add(http('web', target, { host: '127.0.0.1' }), { stopTimeout: 1_000 })
  onTestFinished(() => serving.stop().then(() => {}))
  await serving.start()
  return Number(serving.status.service('serving/web')?.state.info?.['port'])
}

/** Numbers without a gap or a repeat, of a snapshot and all that came after it. */
export const isWhole = (events: readonly GroupEvent[]): boolean =>
  events[0]?.kind === 'snapshot' && events.every(({ seq }, n) => seq === events[0]!.seq + n)
