import type { JSX, TargetedKeyboardEvent } from 'preact'
import { useState } from 'preact/hooks'
import { errorOf } from '../../../../core/state.ts'
import type { ServiceStatus } from '../../../../core/status/service-status.ts'
import { essence, firstLine } from '../../../../core/text/error-text.ts'
import type { Life } from '../life.ts'
import type { Model } from '../model.ts'
import { rowsFor } from '../rows.ts'
import { healthOf, lookOf } from '../words.ts'
import { Chip } from './glyph.tsx'
import { memo } from './memo.tsx'
import { Search } from './search.tsx'
import { Elapsed } from './time.tsx'

interface Props {
  readonly model: Model
  readonly selected: string | undefined
  readonly onOpen: (path: string) => void
}

const COLUMNS = [
  'Service',
  'State',
  'For',
  'Up',
  'Health',
  'Waits for',
  'Restarts',
  'Last error',
  'Depends on',
] as const
const classOf = (column: string): string => column.toLowerCase().replace(' ', '-')

/** Every service, a row each. */
export const Services = ({ model, selected, onOpen }: Props): JSX.Element => {
  const [filter, setFilter] = useState('')
  const [problemsFirst, setProblemsFirst] = useState(false)
  const { status, lives } = model
  const rows = rowsFor(status.name, status.list, { filter, problemsFirst })
  const total = status.list.length
  return (
    <section aria-labelledby="services-title">
      <div class="tools">
        <h2 id="services-title">Services</h2>
        <Search
          label="Filter services by name or state"
          hint="Filter by name or state"
          value={filter}
          onChange={setFilter}
        />
        <label class="toggle">
          <input
            type="checkbox"
            checked={problemsFirst}
            onChange={event => setProblemsFirst(event.currentTarget.checked)}
          />
          Problems first
        </label>
        {filter.trim() !== '' && <span class="soft" role="status">{`${rows.length} of ${total}`}</span>}
      </div>
      {total === 0 ? (
        <p class="empty">This group has no services.</p>
      ) : rows.length === 0 ? (
        <p class="empty">{`No service matches “${filter.trim()}”.`}</p>
      ) : (
        <table role="table" class="services" onKeyDown={moveFocus}>
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map(column => (
                <th key={column} role="columnheader" scope="col" class={classOf(column)}>
                  {column}
                </th>
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

/** Up and down through the rows. */
const moveFocus = (event: TargetedKeyboardEvent<HTMLTableElement>): void => {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (step === 0) return
  const names = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('tbody th button')]
  const next = names[names.indexOf(document.activeElement as HTMLButtonElement) + step]
  if (!next) return
  event.preventDefault()
  next.focus()
}

interface RowProps {
  readonly status: ServiceStatus
  readonly name: string
  readonly depth: number
  readonly lastError: Life['lastError'] | undefined
  readonly isSelected: boolean
  readonly onOpen: (path: string) => void
}

const ServiceRow = memo(({ status, name, depth, lastError, isSelected, onOpen }: RowProps): JSX.Element => {
  const { path, state, since, readyAt, restarts, dependsOn, optional, observer } = status
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
          <button type="button" class="name" title={path} onClick={() => onOpen(path)}>
            {name}
          </button>
          {optional && <small> optional</small>}
          {observer && <small> observer</small>}
        </span>
      </th>
      <td role="cell" class="state">
        <Chip look={lookOf(state)} />
      </td>
      <td role="cell" class="for" data-label="For">
        <Elapsed since={since} />
      </td>
      <td role="cell" class="up" data-label="Up">
        {readyAt !== null && <Elapsed since={readyAt} until={ended} />}
      </td>
      <td role="cell" class="health" data-label="Health">
        {health && <Chip look={health} />}
        {state.phase === 'running' && state.detail !== undefined && (
          <span class="detail" title={state.detail}>
            {firstLine(state.detail)}
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
        {error ? essence(error) : ''}
      </td>
      <td role="cell" class="depends-on" data-label="Depends on" title={dependsOn?.join(', ')}>
        {dependsOn ? dependsOn.join(', ') || 'nothing' : ''}
      </td>
    </tr>
  )
})

const waitsFor = ({ state }: ServiceStatus): string => {
  if (state.phase === 'waiting') return state.for.join(', ')
  if ((state.phase === 'draining' || state.phase === 'stopping') && state.pending) return `${state.pending} pending`
  return ''
}
