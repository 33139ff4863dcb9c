import type { ComponentChildren, JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { describeReason } from '../../../../core/state.ts'
import { elapsed, milliseconds } from '../../../../core/units.ts'
import { awaited, type Gantt, ganttOf, type Part, partNow, spanOf } from '../gantt.ts'
import { DRAWN } from '../life.ts'
import type { Model } from '../model.ts'
import { moment } from '../moments.ts'
import { listing, lookOf, shortName } from '../words.ts'
import { GanttChart } from './gantt-chart.tsx'
import { GanttTable } from './gantt-table.tsx'
import { Beginning } from './history.tsx'
import { memo } from './memo.tsx'
import { usePlaces } from './place.tsx'
import { useWidth } from './size.ts'
import { MANY, useCalm, useConnection, useNow } from './time.tsx'

interface Props {
  readonly model: Model
  readonly onOpen: (path: string) => void
}

const PARTS: readonly (readonly [Part, string])[] = [
  ['start', 'Start'],
  ['stop', 'Stop'],
  ['all', 'All'],
]

/** The start and the stop of a group, as they go on and afterwards. */
export const Timeline = ({ model: latest, onOpen }: Props): JSX.Element => {
  const model = useCalm(latest, latest.status.list.length > MANY ? 250 : 0)
  const { place } = usePlaces()
  return <Calmed model={model} onOpen={onOpen} part={place.part} asTable={place.table === true} />
}

interface CalmedProps extends Props {
  readonly part: Part | undefined
  readonly asTable: boolean
}

/** Not drawn anew by what has come in meanwhile. */
const Calmed = memo(({ model, onOpen, part: wish, asTable }: CalmedProps): JSX.Element => {
  const { go } = usePlaces()
  const { status, lives } = model
  const part = wish ?? partNow(status)
  const span = spanOf(status, part)
  const now = useNow(span && span.to === undefined ? 200 : 1_000)
  const deadline = part === 'stop' ? model.deadline : undefined
  const gantt = ganttOf(status, lives, part, now, deadline)
  const body = useRef<HTMLDivElement>(null)
  const width = useWidth(body)
  return (
    <section aria-labelledby="timeline-title">
      <div class="tools">
        <h2 id="timeline-title">Timeline</h2>
        <fieldset class="segments">
          <legend class="sr">Which part</legend>
          {PARTS.map(([one, title]) => (
            <label key={one}>
              <input type="radio" name="part" checked={one === part} onChange={() => go({ part: one })} />
              <span>{title}</span>
            </label>
          ))}
        </fieldset>
        <label class="toggle">
          <input
            type="checkbox"
            checked={asTable}
            onChange={event => go({ table: event.currentTarget.checked || undefined })}
          />
          Show as table
        </label>
        {gantt && <span class="soft">{`began at ${moment(gantt.told.from)}`}</span>}
      </div>
      {gantt && <Story model={model} gantt={gantt} now={now} deadline={deadline} />}
      {gantt && model.begins !== undefined && model.begins > gantt.told.from && <Beginning at={model.begins} />}
      <div class="picture">
        <div ref={body} />
        {!gantt ? (
          <p class="empty">{part === 'stop' ? 'Nothing has asked it to stop.' : 'It has not been started.'}</p>
        ) : asTable ? (
          <GanttTable gantt={gantt} />
        ) : (
          <>
            <GanttChart gantt={gantt} group={status.name} width={width} deadline={deadline} onOpen={onOpen} />
            <Legend gantt={gantt} />
          </>
        )}
      </div>
    </section>
  )
})

interface StoryProps {
  readonly model: Model
  readonly gantt: Gantt
  readonly now: number
  readonly deadline: number | undefined
}

/** The same in a sentence or two: how long, for whom, how much is left, the critical path. */
const Story = ({
  model: { status },
  gantt: { part, told, goesOn, criticalPath },
  now,
  deadline,
}: StoryProps): JSX.Element | null => {
  const connection = useConnection()
  if (part === 'all') return null
  const took = (goesOn ? elapsed : milliseconds)(told.to - told.from)
  const why = part === 'stop' && status.trigger ? ` (${describeReason(status.trigger)})` : ''
  const parts: ComponentChildren[] = []
  if (goesOn && connection === 'gone') {
    const how = part === 'start' ? 'Was starting for' : 'Had been stopping for'
    parts.push(<span key="how">{`${how} ${took}${why} when the process ended. `}</span>)
  } else if (goesOn) {
    const ones = awaited(status, part)
    const names = ones.map(({ path, state, since }) => {
      const pending = 'pending' in state && state.pending ? `, ${state.pending} pending` : ''
      return `${shortName(path, status.name)} (${lookOf(state).text} ${elapsed(now - since)}${pending})`
    })
    parts.push(
      <span key="how">
        <strong>{part === 'start' ? 'Starting' : 'Stopping'}</strong>
        {` for ${took}${why}. `}
      </span>,
    )
    if (names.length > 0) parts.push(<span key="who">{`Waiting for ${listing(names)}. `}</span>)
    if (deadline !== undefined)
      parts.push(
        <strong key="left">
          {deadline > now ? `${elapsed(deadline - now)} left. ` : `Out of time since ${elapsed(now - deadline)}. `}
        </strong>,
      )
  } else {
    const end =
      part === 'start' && status.group.readyAt === null
        ? 'Gave up starting after'
        : part === 'start'
          ? 'Started in'
          : 'Stopped in'
    parts.push(<span key="how">{`${end} ${took}${why}. `}</span>)
  }
  if (criticalPath.length > 1)
    parts.push(
      <span key="critical" class="soft">
        {`Critical path: ${pathInWords(criticalPath.map(path => shortName(path, status.name)))}.`}
      </span>,
    )
  return <p class="story">{parts}</p>
}

/** The ends of a path tell most. */
const pathInWords = (names: readonly string[]): string =>
  names.length <= 8
    ? names.join(' → ')
    : `${names.slice(0, 3).join(' → ')} → … ${names.length - 6} more … → ${names.slice(-3).join(' → ')}`

const Legend = ({ gantt: { rows, criticalPath } }: { readonly gantt: Gantt }): JSX.Element => {
  const used = new Set(
    rows.flatMap(({ bars }) => bars.flatMap(({ kind, crowd }) => [kind, ...(crowd?.shares.map(([one]) => one) ?? [])])),
  )
  const shown = DRAWN.filter(kind => used.has(kind))
  return (
    <ul class="legend" aria-label="Colours of the timeline">
      {shown.map(kind => (
        <li key={kind}>
          <svg viewBox="0 0 16 10" aria-hidden="true">
            <rect x="0.5" y="0.5" width="15" height="9" rx="2" class={`bar kind-${kind}`} />
          </svg>
          {kind}
        </li>
      ))}
      {rows.some(({ bars }) => bars.some(({ bad }) => bad)) && (
        <li>
          <svg viewBox="0 0 16 10" aria-hidden="true">
            <rect x="6" y="0" width="4" height="10" class="badend" />
          </svg>
          forced, failed or out of time
        </li>
      )}
      {rows.some(({ bars }) => bars.some(({ crowd }) => crowd)) && (
        <li>
          <svg viewBox="0 0 16 10" aria-hidden="true">
            <rect x="0" y="0" width="16" height="6" class="crowd kind-running" />
            <rect x="0" y="6" width="16" height="4" class="crowd kind-backoff" />
          </svg>
          many changes: as high as its part of the time
        </li>
      )}
      {criticalPath.length > 0 && (
        <li>
          <svg viewBox="0 0 16 10" aria-hidden="true">
            <path d="M8 1l4 4l-4 4l-4-4z" class="diamond" />
          </svg>
          on the critical path
        </li>
      )}
    </ul>
  )
}
