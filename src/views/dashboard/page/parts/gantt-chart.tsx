import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { milliseconds } from '../../../../core/units.ts'
import { type Bar, type Gantt, type Span, ticksOf, tickText } from '../gantt.ts'
import type { Look } from '../words.ts'
import { useIsNear } from './in-view.ts'
import { memo } from './memo.tsx'
import { useRoving } from './roving.ts'
import { cut } from './size.ts'

interface Props {
  readonly gantt: Gantt
  readonly group: string
  readonly width: number
  readonly deadline: number | undefined
  readonly onOpen: (path: string) => void
}

const AXIS = 24
/** Below this names stand above their bars. */
const NARROW = 560

interface Scale {
  readonly left: number
  readonly right: number
  readonly pitch: number
  readonly narrow: boolean
  readonly drawn: Span
}

const scaleOf = (width: number, drawn: Span, longest: number): Scale => {
  const narrow = width < NARROW
  const left = narrow ? 0 : Math.min(Math.max(80, longest * 6.7 + 26), width * 0.3)
  return { left, right: width - 1, pitch: narrow ? 36 : 22, narrow, drawn }
}

const at = ({ left, right, drawn }: Scale, time: number): number =>
  left + ((time - drawn.from) / Math.max(1, drawn.to - drawn.from)) * (right - left)

export const GanttChart = ({ gantt, group, width, deadline, onOpen }: Props): JSX.Element => {
  const { drawn, rows, told, goesOn, part } = gantt
  const longest = rows.reduce((most, { name, depth }) => Math.max(most, name.length + depth * 2), 0)
  const scale = scaleOf(width, drawn, longest)
  const height = AXIS + rows.length * scale.pitch + 6
  const length = drawn.to - drawn.from
  const ticks = ticksOf(length, scale.narrow ? 4 : 9)
  const nowAt = at(scale, told.to)
  const roving = useRoving<HTMLDivElement>('.row')
  const deadlineAt = deadline !== undefined && deadline <= drawn.to ? at(scale, deadline) : undefined
  return (
    <div
      {...roving}
      class="gantt"
      role="group"
      aria-label={`Timeline of ${group}, ${part}: ${rows.length} services, ${milliseconds(told.to - told.from)}. The same as a table: “Show as table”.`}
    >
      {rows.map(({ path, name, depth, bars, critical, look }) => (
        <Row
          key={path}
          path={path}
          name={name}
          depth={depth}
          bars={bars}
          critical={critical}
          look={look.text}
          glyph={look.glyph}
          left={scale.left}
          right={scale.right}
          narrow={scale.narrow}
          from={drawn.from}
          to={drawn.to}
          onOpen={onOpen}
        />
      ))}
      <svg class="over" aria-hidden="true" width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        {goesOn && <rect class="future" x={nowAt} y={AXIS} width={Math.max(0, width - nowAt)} height={height - AXIS} />}
        <g class="axis">
          {ticks.map(tick => {
            const x = at(scale, drawn.from + tick)
            return (
              <g key={tick}>
                <line x1={x} x2={x} y1={AXIS - 4} y2={height} />
                <text x={x} y={14} text-anchor={tick === 0 ? 'start' : x > width - 28 ? 'end' : 'middle'}>
                  {tickText(tick)}
                </text>
              </g>
            )
          })}
        </g>
        {goesOn && <line class="now" x1={nowAt} x2={nowAt} y1={AXIS - 4} y2={height} />}
        {deadlineAt !== undefined && (
          <g class="deadline">
            <line x1={deadlineAt} x2={deadlineAt} y1={AXIS - 4} y2={height} />
            <text x={deadlineAt - 4} y={height - 6} text-anchor="end">
              deadline
            </text>
          </g>
        )}
      </svg>
    </div>
  )
}

interface RowProps {
  readonly path: string
  readonly name: string
  readonly depth: number
  readonly bars: readonly Bar[]
  readonly critical: boolean
  readonly look: string
  readonly glyph: Look['glyph']
  readonly left: number
  readonly right: number
  readonly narrow: boolean
  readonly from: number
  readonly to: number
  readonly onOpen: (path: string) => void
}

const Row = memo(
  ({ path, name, depth, bars, critical, look, left, right, narrow, from, to, onOpen }: RowProps): JSX.Element => {
    const scale: Scale = { left, right, narrow, pitch: 0, drawn: { from, to } }
    const indent = depth * 12
    const top = narrow ? 17 : 3
    const height = narrow ? 36 : 22
    const mark = indent + 5
    const element = useRef<SVGSVGElement>(null)
    const isNear = useIsNear(element)
    return (
      // biome-ignore lint/a11y/useFocusableInteractive: it is, by an attribute that SVG knows in lower case only.
      <svg
        ref={element}
        class={`row${critical ? ' critical' : ''}${narrow ? ' tall' : ''}`}
        data-path={path}
        role="link"
        tabindex={-1}
        width={right + 1}
        height={height}
        onClick={() => onOpen(path)}
      >
        <title>{`${path}: ${look}`}</title>
        <rect class="hit" width={right} height={height} />
        {critical && <path class="diamond" d={`M${mark} 7l4 4l-4 4l-4-4z`} />}
        <text class="label" x={indent + 14} y={15}>
          {cut(name, (narrow ? right : left) - indent - 20)}
        </text>
        {(isNear ? bars : NONE).map((bar, i) => (
          <BarOf key={`${bar.kind} ${bar.from} ${i}`} bar={bar} scale={scale} top={top} />
        ))}
      </svg>
    )
  },
)

const NONE: readonly Bar[] = []

const BarOf = ({
  bar,
  scale,
  top,
}: {
  readonly bar: Bar
  readonly scale: Scale
  readonly top: number
}): JSX.Element => {
  const { kind, from, to, open, bad, crowd } = bar
  const x = at(scale, from)
  const width = Math.max(2, at(scale, to) - x)
  if (crowd) return <CrowdOf crowd={crowd} x={x} width={width} top={top} />
  const length = open ? '' : ` ${milliseconds(to - from)}`
  const label = [`${kind}${length}`, kind].find(text => text.length * 6.3 + 10 < width)
  return (
    <g>
      <rect class={`bar kind-${kind}`} x={x + 0.5} y={top + 0.5} width={Math.max(1, width - 1)} height={15} rx={2}>
        <title>{`${kind}${open ? ' until now' : length}${bad ? `, then ${bad}` : ''}`}</title>
      </rect>
      {label && (
        <text class="inside" x={x + 5} y={top + 12}>
          {label}
        </text>
      )}
      {bad && <rect class="badend" x={x + width - 2} y={top - 2} width={4} height={20} />}
      {bad && x + width + 70 < scale.right && (
        <text class="bad" x={x + width + 6} y={top + 12}>
          {bad}
        </text>
      )}
    </g>
  )
}

const HEIGHT = 15

/** Many changes in a little room: one above the other, each as high as its part of the time. */
const CrowdOf = ({
  crowd: { shares, changes },
  x,
  width,
  top,
}: {
  readonly crowd: NonNullable<Bar['crowd']>
  readonly x: number
  readonly width: number
  readonly top: number
}): JSX.Element => {
  // Every stretch is seen, however short.
  const heights = shares.map(([, share]) => Math.max(2, share * HEIGHT))
  const whole = heights.reduce((sum, height) => sum + height, 0)
  let y = top + 0.5
  return (
    <g>
      <title>{`${changes} ${changes === 1 ? 'change' : 'changes'}: ${shares.map(([kind, share]) => `${kind} ${percent(share)}`).join(', ')}`}</title>
      {shares.map(([kind], i) => {
        const height = (heights[i]! / whole) * HEIGHT
        y += height
        return <rect key={kind} class={`crowd kind-${kind}`} x={x} y={y - height} width={width + 0.5} height={height} />
      })}
    </g>
  )
}

const percent = (share: number): string => (share > 0 && share < 0.01 ? 'under 1 %' : `${Math.round(share * 100)} %`)
