import type { ErrorInfo } from '../../../core/errors.ts'
import { errorOf, HEALTHS, isFinal, isWell, PHASES } from '../../../core/state.ts'
import { parentOf, type ServiceStatus } from '../../../core/status/service-status.ts'
import { essence } from '../../../core/text/error-text.ts'
import { sinceOf } from './life.ts'
import type { Column, Place, Sort } from './place.ts'
import { healthOf, lookOf, shortName } from './words.ts'

/** One row of the table. */
export interface Row {
  readonly status: ServiceStatus
  /** The text of the first column. */
  readonly name: string
  /** How deep inside nested groups; 0 for the group's own services. */
  readonly depth: number
}

/** The services inside each group, in the order added. */
export const childrenOf = (list: readonly ServiceStatus[]): ReadonlyMap<string, readonly ServiceStatus[]> => {
  const children = new Map<string, ServiceStatus[]>()
  for (const status of list) {
    const parent = parentOf(status.path)
    const known = children.get(parent)
    if (known) known.push(status)
    else children.set(parent, [status])
  }
  return children
}

/** In the order added, what is inside a group right behind it. */
export const inTree = (group: string, list: readonly ServiceStatus[]): readonly Row[] => {
  const children = childrenOf(list)
  const rows: Row[] = []
  const visit = (parent: string, depth: number): void => {
    for (const status of children.get(parent) ?? []) {
      rows.push({ status, name: shortName(status.path, parent), depth })
      visit(status.path, depth + 1)
    }
  }
  visit(group, 0)
  return rows
}

/** 0 for what needs a look most. */
export const urgency = ({ state }: ServiceStatus): number => {
  const { tone } = lookOf(state)
  const health = healthOf(state)?.tone
  if (tone === 'bad' || health === 'bad') return 0
  if (tone === 'warn' || health === 'warn') return 1
  if (tone === 'busy') return 2
  return state.phase === 'running' || isFinal(state) ? 4 : 3
}

/** Neither as it should be nor on purpose down. */
export const isProblem = ({ state }: ServiceStatus): boolean =>
  !isWell(state) && !(state.phase === 'stopped' && state.how === 'stopped')

/** The filter and the order that a reader chooses for the table. */
export type Wish = Pick<Place, 'find' | 'state' | 'health' | 'sort'>

/** The last error of a service that has got over it. */
type LastError = (path: string) => ErrorInfo | undefined

/** The rows that a reader wants to see. Once they are taken out of their order, names tell where they belong. */
export const rowsFor = (
  group: string,
  list: readonly ServiceStatus[],
  wish: Wish,
  lastError: LastError = () => undefined,
): readonly Row[] => {
  const { state, health, sort } = wish
  const wanted = wish.find?.trim().toLowerCase() ?? ''
  const all = inTree(group, list)
  if (wanted === '' && !state && !health && !sort) return all
  const found = all.filter(
    ({ status }) =>
      (!state || (state === 'problems' ? isProblem(status) : status.state.phase === state)) &&
      (!health || (status.state.phase === 'running' && status.state.health === health)) &&
      (wanted === '' || textOf(status, group, lastError).includes(wanted)),
  )
  const flat = found.map(({ status }): Row => ({ status, name: shortName(status.path, group), depth: 0 }))
  return sort ? sorted(flat, sort, lastError) : flat
}

/** A row without a value in a column comes last, whichever way the column is sorted. */
const sorted = (rows: readonly Row[], sort: Sort, lastError: LastError): readonly Row[] => {
  if (sort === 'problems') return rows.toSorted((a, b) => urgency(a.status) - urgency(b.status))
  const downwards = sort.startsWith('-')
  const valueIn = VALUES[(downwards ? sort.slice(1) : sort) as Column]
  const valued = rows.map(row => ({ row, value: valueIn(row, lastError) }))
  const known = valued.filter(({ value }) => value !== undefined && value !== '')
  const unknown = valued.filter(({ value }) => value === undefined || value === '')
  const upwards = known.toSorted((a, b) => compare(a.value!, b.value!))
  return [...(downwards ? upwards.reverse() : upwards), ...unknown].map(({ row }) => row)
}

/** `service-9` before `service-10`. */
const { compare: compareTexts } = new Intl.Collator(undefined, { numeric: true })

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : compareTexts(String(a), String(b))

/** The value that each column is sorted by. The longest duration comes last, as the largest number does. */
const VALUES: Readonly<Record<Column, (row: Row, lastError: LastError) => string | number | undefined>> = {
  service: ({ name }) => name,
  state: ({ status }) => PHASES.indexOf(status.state.phase),
  for: ({ status }) => -sinceOf(status),
  up: ({ status: { readyAt } }) => (readyAt === null ? undefined : -readyAt),
  health: ({ status: { state } }) => (state.phase === 'running' ? HEALTHS.indexOf(state.health) : undefined),
  'waits-for': ({ status: { state } }) => (state.phase === 'waiting' ? state.for.join(', ') : undefined),
  restarts: ({ status }) => status.restarts || undefined,
  'last-error': ({ status: { path, state } }, lastError) => {
    const error = errorOf(state) ?? lastError(path)
    return error && essence(error)
  },
  'depends-on': ({ status }) => status.dependsOn?.join(', '),
}

const textOf = ({ path, state }: ServiceStatus, group: string, lastError: LastError): string => {
  const health = healthOf(state)
  const words = [
    shortName(path, group),
    state.phase,
    lookOf(state).text,
    health && health.text !== 'pass' ? health.text : '',
    (state.phase === 'running' && state.detail) || '',
    ...messagesOf(errorOf(state) ?? lastError(path)),
  ]
  return words.join(' ').toLowerCase()
}

/** All that an error says, with its causes and those that came with it. */
const messagesOf = (error: ErrorInfo | undefined): readonly string[] =>
  error
    ? [error.message, error.code ?? '', ...messagesOf(error.cause), ...(error.errors ?? []).flatMap(messagesOf)]
    : []
