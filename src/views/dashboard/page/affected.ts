import { parentOf } from '../../../core/status/service-status.ts'
import type { GroupStatus } from '../../../core/status/status.ts'
import type { Action } from './actions.ts'
import { listing, nameIn, shortName } from './words.ts'

/** The services that name another one of their group in `dependsOn`, and those that name them. */
export const dependentsOf = (path: string, { list }: Pick<GroupStatus, 'list'>): readonly string[] => {
  const parent = parentOf(path)
  const siblings = list.filter(one => parentOf(one.path) === parent)
  const found = new Set([path])
  for (const one of found)
    for (const other of siblings) if (other.dependsOn?.includes(nameIn(parent, one))) found.add(other.path)
  found.delete(path)
  return siblings.flatMap(one => (found.has(one.path) ? [one.path] : []))
}

/** The other services that an action touches, in words, before it is done. */
export const effectOf = (action: Action, status: GroupStatus): readonly string[] => {
  const { name, list } = status
  if (!('service' in action))
    return [`All ${list.length} services drain and stop in reverse order, and the process ends.`]
  const path = `${name}/${action.service}`
  const inside = list.filter(one => one.path.startsWith(`${path}/`)).length
  const others = dependentsOf(path, status)
  const them = listing(
    others.map(other => shortName(other, name)),
    5,
  )
  const whole = inside === 0 ? 'It' : `It and the ${inside} ${inside === 1 ? 'service' : 'services'} in it`
  const isOptional = status.byPath(path)?.optional
  switch (action.action) {
    case 'start':
      return [`${whole} ${inside === 0 ? 'starts' : 'start'} anew.`]
    case 'restart':
      return [
        `${whole} ${inside === 0 ? 'drains, stops and starts' : 'drain, stop and start'} again.`,
        others.length === 0 ? 'Nothing else depends on it.' : `With it goes what depends on it: ${them}.`,
      ]
    case 'stop':
      return [
        `${whole} ${inside === 0 ? 'drains and stops, and stays' : 'drain and stop, and stay'} down until started again.`,
        others.length === 0 ? 'Nothing else depends on it.' : `With it stops what depends on it: ${them}.`,
        ...(isOptional ? ['The group can do without it.'] : []),
      ]
  }
}
