import type { Kind, Segment } from './life.ts'

/** Many short stretches as one: how long each kind lasted, and how many stretches there were. */
export interface Dense {
  readonly from: number
  readonly to: number
  /** In milliseconds. */
  readonly lasted: Readonly<Partial<Record<Kind, number>>>
  readonly count: number
}

/** So many at most: short neighbours become one then, so that each is a small part of the whole. */
const MOST = 200

export const denseOf = ({ kind, from, to }: Segment): Dense => ({
  from,
  to: to ?? from,
  lasted: { [kind]: (to ?? from) - from },
  count: 1,
})

/** Two that follow each other, as one. */
export const joined = (a: Dense, b: Dense): Dense => {
  const lasted: Partial<Record<Kind, number>> = { ...a.lasted }
  for (const [kind, ms] of Object.entries(b.lasted) as [Kind, number][]) lasted[kind] = (lasted[kind] ?? 0) + ms
  return { from: a.from, to: b.to, lasted, count: a.count + b.count }
}

const lengthOf = (first: Dense, last: Dense): number => last.to - first.from

/** Adds a stretch, at a cost that does not grow with how many there have been. */
export const thicken = (all: readonly Dense[], one: Dense): readonly Dense[] => {
  const more = [...all, one]
  if (more.length <= MOST) return more
  // Of two neighbours one or both are longer than this then, so that there are as many as that at most.
  const longest = lengthOf(more[0]!, one) / (MOST / 2)
  const fewer: Dense[] = []
  for (const next of more) {
    const last = fewer.at(-1)
    if (last && lengthOf(last, next) <= longest) fewer[fewer.length - 1] = joined(last, next)
    else fewer.push(next)
  }
  return fewer
}

/** Each kind's part of the time, from 0 to 1, the largest first. */
export const sharesOf = ({ lasted }: Dense): readonly (readonly [kind: Kind, share: number])[] => {
  const all = Object.entries(lasted) as [Kind, number][]
  const whole = all.reduce((sum, [, ms]) => sum + ms, 0)
  return all
    .map(([kind, ms]) => [kind, whole === 0 ? 1 / all.length : ms / whole] as const)
    .toSorted(([, a], [, b]) => b - a)
}
