import { HEALTHS, type Health, PHASES, type Phase } from '../../../core/state.ts'
import type { Part } from './gantt.ts'

export const SCREENS = ['services', 'timeline', 'graph', 'events'] as const
export type Screen = (typeof SCREENS)[number]

/** The columns of the table of services, in their order. */
export const COLUMNS = [
  'service',
  'state',
  'for',
  'up',
  'health',
  'waits-for',
  'restarts',
  'last-error',
  'depends-on',
] as const
export type Column = (typeof COLUMNS)[number]

/** How the table is ordered: by a column, the worst first, or as the services were added when left out. */
export type Sort = 'problems' | Column | `-${Column}`

/** The place that a reader looks at. It stands in the address, so that it can be sent to somebody, and gone back to. */
export interface Place {
  readonly screen: Screen
  /** The path of the service in the drawer. */
  readonly open?: string | undefined
  /** The number of the event in the drawer. */
  readonly event?: number | undefined
  /** A text that the services shown hold. */
  readonly find?: string | undefined
  /** `problems`: all that are not as they should be. */
  readonly state?: 'problems' | Phase | undefined
  readonly health?: Health | undefined
  readonly sort?: Sort | undefined
  readonly part?: Part | undefined
  /** The timeline as a table. */
  readonly table?: true | undefined
  /** A text that the events shown hold. */
  readonly log?: string | undefined
  /** The process before the present one. */
  readonly run?: 'previous' | undefined
}

/** An address may come from anywhere: a longer text is cut. */
const LONGEST = 500

const PARTS: readonly Part[] = ['start', 'stop', 'all']
const SORTS: readonly Sort[] = ['problems', ...COLUMNS, ...COLUMNS.map(column => `-${column}` as const)]

/** The place that an address names. What can't be is left out. */
export const placeOf = (hash: string): Place => {
  const [, screen = '', query = ''] = /^#?\/?([^?]*)\??(.*)$/s.exec(hash) ?? []
  const given = new URLSearchParams(query)
  const text = (key: string): string | undefined => given.get(key)?.slice(0, LONGEST) || undefined
  const oneOf = <T extends string>(key: string, words: readonly T[]): T | undefined =>
    words.find(word => word === given.get(key))
  const event = Number(text('event') ?? NaN)
  return defined({
    screen: SCREENS.find(one => one === screen) ?? 'services',
    open: given.get('open') || undefined,
    event: Number.isSafeInteger(event) && event >= 0 ? event : undefined,
    find: text('find'),
    state: oneOf('state', ['problems', ...PHASES]),
    health: oneOf('health', HEALTHS),
    sort: oneOf('sort', SORTS),
    part: oneOf('part', PARTS),
    table: given.get('table') === 'true' ? true : undefined,
    log: text('log'),
    run: oneOf('run', ['previous']),
  })
}

/** The address of a place, relative to the page. */
export const addressOf = ({ screen, ...rest }: Place): string => {
  const query = new URLSearchParams(
    Object.entries(rest).flatMap(([key, value]) =>
      value === undefined || value === '' ? [] : [[key, String(value)] as [string, string]],
    ),
  ).toString()
  return `#${screen}${query && '?'}${query}`
}

const defined = (place: Place): Place =>
  Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined)) as unknown as Place
