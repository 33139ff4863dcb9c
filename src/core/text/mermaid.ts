import type { GroupPlan, PlannedService } from '../group-plan.ts'
import { visible } from './visible.ts'

/**
 * The plan of a group as a picture, for Mermaid, which GitHub and most editors draw. An arrow leads from a service to
 * one that starts after it. A frame is a group, a round box an observer, and a dashed border a service that the group
 * can do without.
 *
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {})).add(service('api', {}))
 * console.log(mermaid(group.plan()))
 * ```
 */
export const mermaid = ({ group, services }: GroupPlan): string => {
  const ids = new Map(services.map(({ path }, index) => [path, `s${index}`]))
  const optional = services.filter(one => one.optional).map(({ path }) => ids.get(path))
  return [
    'flowchart TB',
    `  subgraph group["${label(group)}"]`,
    ...inside(group, services, ids, '    '),
    '  end',
    ...services.flatMap(({ path, after }) => after.map(other => `  ${ids.get(other)} --> ${ids.get(path)}`)),
    ...(optional.length > 0
      ? ['  classDef optional stroke-dasharray: 4', `  class ${optional.join(',')} optional`]
      : []),
  ].join('\n')
}

const inside = (
  parent: string,
  services: readonly PlannedService[],
  ids: ReadonlyMap<string, string>,
  indent: string,
): readonly string[] =>
  services
    .filter(({ path }) => path.slice(0, path.lastIndexOf('/')) === parent)
    .flatMap(({ path, observer }) => {
      const name = label(path.slice(parent.length + 1))
      const id = ids.get(path)!
      const deep = inside(path, services, ids, `${indent}  `)
      if (deep.length > 0) return [`${indent}subgraph ${id}["${name}"]`, ...deep, `${indent}end`]
      return [`${indent}${id}${observer ? `(["${name}"])` : `["${name}"]`}`]
    })

/** Quotes, brackets and the like would end a label. Mermaid knows them by number. */
const label = (text: string): string => visible(text).replace(/["#;<>&`\\]/g, sign => `#${sign.codePointAt(0)};`)
