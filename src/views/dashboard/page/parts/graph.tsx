import type { JSX } from 'preact'
import { useMemo, useRef, useState } from 'preact/hooks'
import type { ServiceStatus } from '../../../../core/status/service-status.ts'
import { BOX, type Box, type Edge, layoutKey, layoutOf } from '../layers.ts'
import type { Model } from '../model.ts'
import { wayOf } from '../ways.ts'
import { lookOf } from '../words.ts'
import { SHAPES } from './glyph.tsx'
import { memo } from './memo.tsx'
import { inPlane, useRoving } from './roving.ts'
import { cut, useWidth } from './size.ts'

interface Props {
  readonly model: Model
  readonly onOpen: (path: string) => void
}

/** Room on both sides for lines that lead past all boxes. */
const ASIDE = BOX.gap / 2 + 2

/** More lines than this hide each other: only those of one service are drawn then. */
const CROWDED = 80

/** The dependency graph, from top to bottom. */
export const Graph = ({ model: { status }, onOpen }: Props): JSX.Element => {
  const body = useRef<HTMLDivElement>(null)
  const width = useWidth(body)
  const { name, list } = status
  const key = layoutKey(list)
  const layout = useMemo(() => layoutOf(name, list, Math.min(width - 2 - 2 * ASIDE, 1_400)), [name, key, width])
  const places = useMemo(() => new Map(layout.boxes.map(box => [box.path, box])), [layout])
  const [pointedAt, pointAt] = useState<string>()
  const roving = useRoving<SVGSVGElement>('.box', inPlane)
  const crowded = layout.edges.length > CROWDED
  const edges = useMemo(
    () => (crowded ? layout.edges.filter(({ from, to }) => from === pointedAt || to === pointedAt) : layout.edges),
    [layout, crowded, pointedAt],
  )
  return (
    <section aria-labelledby="graph-title">
      <div class="tools">
        <h2 id="graph-title">Dependencies</h2>
        <span class="soft">
          {crowded && 'Point at a service to see its lines. '}
          Each starts after those above it that a line leads to. A dashed line is the order of adding. The same in
          words: “Depends on” in the table of services.
        </span>
      </div>
      <div class="picture">
        <div ref={body} />
        {list.length === 0 ? (
          <p class="empty">This group has no services.</p>
        ) : (
          <svg
            {...roving}
            class="graph"
            onPointerOver={event => pointAt(pathAt(event.target))}
            onPointerLeave={() => pointAt(undefined)}
            onFocusIn={event => {
              roving.onFocusIn(event)
              pointAt(pathAt(event.target))
            }}
            onFocusOut={() => pointAt(undefined)}
            role="group"
            aria-label={`Dependency graph of ${name}: ${list.length} services. The same in words: the table of services.`}
            width={layout.width + 2 * ASIDE}
            height={layout.height + 2}
            viewBox={`${-ASIDE} -1 ${layout.width + 2 * ASIDE} ${layout.height + 2}`}
          >
            {layout.boxes.map(box =>
              box.isGroup ? <BoxOf key={box.path} box={box} status={status.byPath(box.path)!} onOpen={onOpen} /> : null,
            )}
            <Edges edges={edges} boxes={layout.boxes} places={places} lit={pointedAt} />
            {layout.boxes.map(box =>
              box.isGroup ? null : <BoxOf key={box.path} box={box} status={status.byPath(box.path)!} onOpen={onOpen} />,
            )}
          </svg>
        )}
      </div>
    </section>
  )
}

const pathAt = (target: EventTarget | null): string | undefined =>
  (target as Element | null)?.closest<SVGElement>('.box')?.dataset['path']

const Edges = memo(
  ({
    edges,
    boxes,
    places,
    lit,
  }: {
    readonly edges: readonly Edge[]
    readonly boxes: readonly Box[]
    readonly places: ReadonlyMap<string, Box>
    readonly lit: string | undefined
  }): JSX.Element => (
    <g class="edges">
      {edges.map(({ from, to, declared }) => {
        const above = places.get(from)
        const below = places.get(to)
        if (!above || !below) return null
        const [x, y] = [below.x + below.width / 2, below.y]
        return (
          <g
            key={`${from} ${to}`}
            class={`${declared ? 'declared' : 'order'}${from === lit || to === lit ? ' lit' : ''}`}
          >
            <path d={wayOf(above, below, boxes)} />
            <path class="arrow" d={`M${x - 4} ${y - 7}L${x} ${y - 1}L${x + 4} ${y - 7}z`} />
          </g>
        )
      })}
    </g>
  ),
)

interface BoxProps {
  readonly box: Box
  readonly status: ServiceStatus
  readonly onOpen: (path: string) => void
}

const BoxOf = memo(({ box, status, onOpen }: BoxProps): JSX.Element => {
  const { path, name, x, y, width, height, isGroup } = box
  const look = lookOf(status.state)
  const { d, filled } = SHAPES[look.glyph]
  const room = width - 40 - look.text.length * 5.9
  return (
    <g
      class={`box ${look.tone}${isGroup ? ' group' : ''}`}
      data-path={path}
      role="link"
      tabindex={-1}
      onClick={() => onOpen(path)}
    >
      <title>{`${path}: ${look.text}`}</title>
      <rect x={x} y={y} width={width} height={height} rx={6} />
      <svg class="glyph" x={x + 9} y={y + 11} width={12} height={12} viewBox="0 0 12 12" data-glyph={look.glyph}>
        <path d={d} class={filled ? 'filled' : 'drawn'} />
      </svg>
      <text class="label" x={x + 27} y={y + 21}>
        {cut(name, room)}
      </text>
      <text class="word" x={x + width - 8} y={y + 21} text-anchor="end">
        {look.text}
      </text>
    </g>
  )
})
