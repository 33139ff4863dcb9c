import { isFinal } from '../../../core/state.ts'
import { parentOf, type ServiceStatus } from '../../../core/status/service-status.ts'
import { healthOf, lookOf, shortName } from './words.ts'

/** One row of the table. */
export interface Row {
  readonly status: ServiceStatus
  /** What stands in the first column. */
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

export interface Wish {
  readonly filter: string
  readonly problemsFirst: boolean
}

/** The rows that a reader wants to see. Once they are taken out of their order, names tell where they belong. */
export const rowsFor = (
  group: string,
  list: readonly ServiceStatus[],
  { filter, problemsFirst }: Wish,
): readonly Row[] => {
  const wanted = filter.trim().toLowerCase()
  const all = inTree(group, list)
  const found = wanted === '' ? all : all.filter(({ status }) => textOf(status, group).includes(wanted))
  if (!problemsFirst && wanted === '') return all
  const flat = found.map(({ status }): Row => ({ status, name: shortName(status.path, group), depth: 0 }))
  return problemsFirst ? flat.toSorted((a, b) => urgency(a.status) - urgency(b.status)) : flat
}

const textOf = ({ path, state }: ServiceStatus, group: string): string => {
  const health = healthOf(state)
  const words = [
    shortName(path, group),
    state.phase,
    lookOf(state).text,
    health && health.text !== 'pass' ? health.text : '',
  ]
  return words.join(' ').toLowerCase()
}
