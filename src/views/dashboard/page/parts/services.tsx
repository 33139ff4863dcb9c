import type { ComponentChildren, JSX } from 'preact'
import { errorOf, HEALTHS, PHASES } from '../../../../core/state.ts'
import type { ServiceStatus } from '../../../../core/status/service-status.ts'
import { essence } from '../../../../core/text/error-text.ts'
import { type Life, sinceOf } from '../life.ts'
import type { Model } from '../model.ts'
import { COLUMNS, type Column, type Place, type Sort } from '../place.ts'
import { rowsFor } from '../rows.ts'
import { besideHealth, brief, healthOf, shownPath } from '../words.ts'
import { Choice } from './choice.tsx'
import { Chip } from './glyph.tsx'
import { memo } from './memo.tsx'
import { type Places, usePlaces } from './place.tsx'
import { useRoving } from './roving.ts'
import { Search } from './search.tsx'
import { Due, Elapsed } from './time.tsx'

interface Props {
  readonly model: Model
  readonly selected: string | undefined
  readonly onOpen: (path: string) => void
}

/** The titles of the columns. */
const TITLES: Readonly<Record<Column, string>> = {
  service: 'Service',
  state: 'State',
  for: 'For',
  up: 'Up',
  health: 'Health',
  'waits-for': 'Waits for',
  restarts: 'Restarts',
  'last-error': 'Last error',
  'depends-on': 'Depends on',
}

/** Every service, a row each. */
export const Services = ({ model, selected, onOpen }: Props): JSX.Element => {
  const places = usePlaces()
  const { place, go } = places
  const roving = useRoving<HTMLTableElement>('tbody th button')
  const { status, lives } = model
  const { find = '', state, health, sort } = place
  const rows = rowsFor(status.name, status.list, place, path => lives.get(path)?.lastError?.error)
  const total = status.list.length
  const isNarrowed = find.trim() !== '' || state !== undefined || health !== undefined
  return (
    <section aria-labelledby="services-title">
      <Tools places={places} found={isNarrowed ? `${rows.length} of ${total}` : undefined} />
      {total === 0 ? (
        <p class="empty">This group has no services.</p>
      ) : rows.length === 0 ? (
        <p class="empty">
          {state || health || find.trim() === '' ? 'No service is like that.' : `No service matches “${find.trim()}”.`}
        </p>
      ) : (
        <table role="table" class="services" {...roving}>
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map(column => (
                <Header key={column} column={column} sort={sort} go={go} />
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map(({ status: one, name, depth }) => (
              <ServiceRow
                key={one.path}
                status={one}
                name={name}
                depth={depth}
                lastError={lives.get(one.path)?.lastError}
                isSelected={one.path === selected}
                onOpen={onOpen}
              />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

interface ToolsProps {
  readonly places: Places
  /** How many there are of how many, when not all are shown. */
  readonly found: string | undefined
}

const STATES: readonly (readonly [NonNullable<Place['state']>, string])[] = [
  ['problems', 'not up or not well'],
  ...PHASES.map(phase => [phase, phase] as const),
]
const HEALTH_CHOICES = HEALTHS.map(one => [one, one] as const)

/** Which services are shown, and in which order. */
const Tools = memo(
  ({ places: { place, go, amend }, found }: ToolsProps): JSX.Element => (
    <div class="tools">
      <h2 id="services-title">Services</h2>
      <Search
        label="Filter services by name or state, or by the text of an error"
        hint="Filter by name, state or error"
        value={place.find ?? ''}
        onChange={value => amend({ find: value || undefined })}
      />
      <Choice label="State" value={place.state} none="any state" choices={STATES} onChange={state => go({ state })} />
      <Choice
        label="Health"
        value={place.health}
        none="any health"
        choices={HEALTH_CHOICES}
        onChange={health => go({ health })}
      />
      <label class="toggle">
        <input
          type="checkbox"
          checked={place.sort === 'problems'}
          onChange={event => go({ sort: event.currentTarget.checked ? 'problems' : undefined })}
        />
        Problems first
      </label>
      {found && (
        <>
          <span class="soft" role="status">
            {found}
          </span>
          <button type="button" onClick={() => go({ find: undefined, state: undefined, health: undefined })}>
            Show all
          </button>
        </>
      )}
    </div>
  ),
)

interface HeaderProps {
  readonly column: Column
  readonly sort: Sort | undefined
  readonly go: Places['go']
}

/** A press sorts upwards, the next one downwards, and the third not at all. */
const Header = memo(({ column, sort, go }: HeaderProps): JSX.Element => {
  const order = sort === column ? 'ascending' : sort === `-${column}` ? 'descending' : undefined
  const next = order === 'ascending' ? (`-${column}` as const) : order === 'descending' ? undefined : column
  return (
    <th role="columnheader" scope="col" class={column} aria-sort={order ?? 'none'}>
      <button type="button" class="sort" onClick={() => go({ sort: next })}>
        {TITLES[column]}
        <span class="arrow" aria-hidden="true">
          {order === 'ascending' ? '↑' : order === 'descending' ? '↓' : ''}
        </span>
      </button>
    </th>
  )
})

interface RowProps {
  readonly status: ServiceStatus
  readonly name: string
  readonly depth: number
  readonly lastError: Life['lastError'] | undefined
  readonly isSelected: boolean
  readonly onOpen: (path: string) => void
}

const ServiceRow = memo(({ status, name, depth, lastError, isSelected, onOpen }: RowProps): JSX.Element => {
  const { path, state, readyAt, restarts, dependsOn, optional, observer } = status
  const health = healthOf(state)
  const error = errorOf(state) ?? lastError?.error
  const ended = status.drainingAt ?? status.stoppingAt ?? status.endedAt
  return (
    <tr
      role="row"
      class={isSelected ? 'selected' : undefined}
      onClick={event => {
        if (!(event.target as Element).closest('button')) onOpen(path)
      }}
    >
      <th role="rowheader" scope="row" class="service">
        <span class="indent" style={{ '--depth': depth }}>
          <button type="button" class="name" tabIndex={-1} title={path} onClick={() => onOpen(path)}>
            {name}
          </button>
          {optional && <small> optional</small>}
          {observer && <small> observer</small>}
        </span>
      </th>
      <td role="cell" class="state">
        <Chip look={besideHealth(state)} />
      </td>
      <td role="cell" class="for" data-label="For">
        <Elapsed since={sinceOf(status)} />
      </td>
      <td role="cell" class="up" data-label="Up">
        {readyAt !== null && <Elapsed since={readyAt} until={ended} />}
      </td>
      <td role="cell" class="health" data-label="Health">
        {health && <Chip look={health} />}
        {state.phase === 'running' && state.detail !== undefined && (
          <span class="detail" title={state.detail}>
            {brief(state.detail)}
          </span>
        )}
      </td>
      <td role="cell" class="waits-for" data-label="Waits for">
        {waitsFor(status)}
      </td>
      <td role="cell" class="restarts" data-label="Restarts">
        {restarts > 0 ? restarts : ''}
      </td>
      <td role="cell" class="last-error" data-label="Last error" title={error?.message}>
        {error ? brief(essence(error)) : ''}
      </td>
      <td role="cell" class="depends-on" data-label="Depends on" title={dependsOn?.join(', ')}>
        {dependsOn ? dependsOn.map(shownPath).join(', ') || 'nothing' : ''}
      </td>
    </tr>
  )
})

const waitsFor = ({ state }: ServiceStatus): ComponentChildren => {
  if (state.phase === 'waiting') return state.for.map(shownPath).join(', ')
  if (state.phase === 'backoff')
    return (
      <span>
        next try <Due at={state.retryAt} />
      </span>
    )
  if ((state.phase === 'draining' || state.phase === 'stopping') && state.pending) return `${state.pending} pending`
  return ''
}
