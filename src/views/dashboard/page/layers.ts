import { plan } from '../../../core/plan.ts'
import { parentOf, type ServiceStatus } from '../../../core/status/service-status.ts'
import { childrenOf } from './rows.ts'
import { nameIn, shortName } from './words.ts'

/** A box of the dependency graph: a service, or a group with its own services inside. */
export interface Box {
  readonly path: string
  readonly name: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly isGroup: boolean
}

/** From what comes first to what comes after it; `declared` when that was said in `dependsOn`. */
export interface Edge {
  readonly from: string
  readonly to: string
  readonly declared: boolean
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly boxes: readonly Box[]
  readonly edges: readonly Edge[]
}

export const BOX = { width: 168, height: 34, gap: 20, between: 34, inset: 12, title: 28 } as const

/** Two layouts with the same key are the same: states don't move boxes. */
export const layoutKey = (list: readonly ServiceStatus[]): string =>
  list
    .map(({ path, dependsOn, observer }) => `${path} ${dependsOn?.join(',') ?? '-'} ${observer ? 'o' : ''}`)
    .join('\n')

/**
 * Layers by longest path: each service below all that it starts after. A layer that is too wide is broken into lines.
 */
export const layoutOf = (group: string, list: readonly ServiceStatus[], width: number): Layout => {
  const children = childrenOf(list)
  const boxes: Box[] = []
  const edges: Edge[] = []
  const widest = Math.max(width, BOX.width)

  /** Places what is inside a group, at the origin; returns how large that is. */
  const place = (parent: string, room: number): { width: number; height: number; own: Box[] } => {
    const members = children.get(parent) ?? []
    const before = orderOf(parent, members)
    const rank = ranks(before)
    const layers: number[][] = []
    rank.forEach((layer, node) => {
      layers[layer] ??= []
      layers[layer].push(node)
    })
    const own: Box[] = []
    const center = new Map<number, number>()
    let y = 0
    let reach = 0
    const lines: Box[][] = []
    for (const layer of layers) {
      const pull = (node: number): number => {
        const above = before[node]!.flatMap(other => center.get(other) ?? [])
        return above.length === 0 ? node : above.reduce((sum, x) => sum + x, 0) / above.length
      }
      const sorted = layer.toSorted((a, b) => pull(a) - pull(b) || a - b)
      let line: Box[] = []
      let x = 0
      let tallest = 0
      const endLine = (): void => {
        if (line.length === 0) return
        lines.push(line)
        reach = Math.max(reach, x - BOX.gap)
        y += tallest + BOX.between
        line = []
        x = 0
        tallest = 0
      }
      for (const node of sorted) {
        const { path } = members[node]!
        const inner = children.has(path) ? place(path, room - 2 * BOX.inset) : undefined
        const width = inner ? Math.max(BOX.width, inner.width + 2 * BOX.inset) : Math.min(BOX.width, room)
        const height = inner ? inner.height + BOX.title + BOX.inset : BOX.height
        if (x > 0 && x + width > room) endLine()
        const box = { path, name: shortName(path, parent), x, y, width, height, isGroup: inner !== undefined }
        line.push(box, ...(inner?.own ?? []).map(b => ({ ...b, x: b.x + x + BOX.inset, y: b.y + y + BOX.title })))
        center.set(node, x + width / 2)
        x += width + BOX.gap
        tallest = Math.max(tallest, height)
      }
      endLine()
    }
    for (const line of lines) {
      const right = Math.max(...line.map(box => box.x + box.width))
      const shift = (reach - right) / 2
      own.push(...line.map(box => ({ ...box, x: box.x + shift })))
    }
    before.forEach((nodes, to) => {
      for (const from of nodes)
        edges.push({
          from: members[from]!.path,
          to: members[to]!.path,
          declared: isDeclared(members[to]!, members[from]!),
        })
    })
    return { width: reach, height: Math.max(0, y - BOX.between), own }
  }

  const whole = place(group, widest)
  boxes.push(...whole.own)
  return { width: whole.width, height: whole.height, boxes, edges }
}

const isDeclared = (one: ServiceStatus, other: ServiceStatus): boolean =>
  one.dependsOn?.includes(nameIn(parentOf(other.path), other.path)) === true

/** The services that each starts after; an order that a group would refuse is drawn without edges. */
const orderOf = (parent: string, members: readonly ServiceStatus[]): readonly (readonly number[])[] => {
  try {
    return plan(members.map(({ path, dependsOn, observer }) => ({ name: nameIn(parent, path), dependsOn, observer })))
      .before
  } catch {
    return members.map(() => [])
  }
}

/** The length of the longest way to each. */
const ranks = (before: readonly (readonly number[])[]): readonly number[] => {
  const known: (number | undefined)[] = new Array(before.length).fill(undefined)
  for (let node = 0; node < before.length; node++) {
    // Not by recursion: a plain list is as deep as it is long.
    const open = [node]
    while (open.length > 0) {
      const one = open.at(-1)!
      const missing = before[one]!.filter(other => known[other] === undefined)
      if (missing.length > 0) open.push(...missing)
      else {
        known[one] = before[one]!.reduce((most, other) => Math.max(most, known[other]! + 1), 0)
        open.pop()
      }
    }
  }
  return known as number[]
}
