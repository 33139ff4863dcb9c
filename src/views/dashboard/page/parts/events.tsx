import type { JSX } from 'preact'
import { useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { LINES, type Line, matching } from '../log.ts'
import type { Model } from '../model.ts'
import { moment, preciseMoment, today } from '../moments.ts'
import { shortName } from '../words.ts'
import { Chip } from './glyph.tsx'
import { Beginning } from './history.tsx'
import { memo } from './memo.tsx'
import { usePlaces } from './place.tsx'
import { useRoving } from './roving.ts'
import { Search } from './search.tsx'
import { StoreContext } from './time.tsx'

/** So many are drawn at first, and so many more each time one asks. */
const PAGE = 200

/** Everything that happened, the newest first. Stopped, it shows what it showed; nothing is lost meanwhile. */
export const Events = ({
  model,
  onOpen,
}: {
  readonly model: Model
  readonly onOpen: (path: string, event?: number) => void
}): JSX.Element => {
  const store = useContext(StoreContext)
  const { place, amend } = usePlaces()
  const filter = place.log ?? ''
  const [most, setMost] = useState(PAGE)
  const [paused, setPaused] = useState<{ readonly lines: readonly Line[]; readonly told: number }>()
  const { log, status } = model
  const lines = paused?.lines ?? log.lines
  const found = useMemo(() => matching(lines, filter), [lines, filter])
  const fresh = useMemo(
    () =>
      paused
        ? matching(
            log.lines.filter(({ n }) => n >= paused.told),
            filter,
          ).length
        : 0,
    [paused, log, filter],
  )
  const shown = found.slice(-most).reverse()
  const roving = useRoving<HTMLTableElement>('tbody tr')
  const day = today()
  useEffect(() => {
    store.readFrom(paused ? paused.told - 1 : undefined)
    return () => store.readFrom(undefined)
  }, [store, paused])
  return (
    <section aria-labelledby="events-title">
      <div class="tools">
        <h2 id="events-title">Events</h2>
        <Search
          label="Filter events by text or path"
          hint="Filter by text or path"
          value={filter}
          onChange={value => amend({ log: value || undefined })}
        />
        <button type="button" aria-pressed={paused !== undefined} onClick={() => setPaused(paused ? undefined : log)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
        {paused && <span class="fresh number">{`+${fresh} new`}</span>}
        <span class="soft number">{`${found.length} ${found.length === 1 ? 'event' : 'events'}`}</span>
      </div>
      {found.length === 0 ? (
        <p class="empty">
          {filter.trim() === '' ? 'Nothing has happened yet.' : `No event matches “${filter.trim()}”.`}
        </p>
      ) : (
        <>
          <table role="table" class={shown.some(({ at }) => at < day) ? 'events dated' : 'events'} {...roving}>
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader" scope="col" class="time">
                  Time
                </th>
                <th role="columnheader" scope="col" class="path">
                  Service
                </th>
                <th role="columnheader" scope="col" class="state">
                  State
                </th>
                <th role="columnheader" scope="col" class="detail">
                  Detail
                </th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {shown.map(line => (
                <EventRow key={line.n} line={line} group={status.name} day={day} onOpen={onOpen} />
              ))}
            </tbody>
          </table>
          {found.length > most && (
            <button type="button" class="more" onClick={() => setMost(most + PAGE)}>
              {`Show ${Math.min(PAGE, found.length - most)} older`}
            </button>
          )}
          {found.length <= most && lines[0] && lines[0].n > 0 && (
            <p class="beginning soft">{`The log begins at ${moment(lines[0].at)}: the newest ${LINES} events are kept.`}</p>
          )}
          {found.length <= most && lines[0]?.n === 0 && model.begins !== undefined && <Beginning at={model.begins} />}
        </>
      )}
    </section>
  )
}

interface RowProps {
  readonly line: Line
  readonly group: string
  /** The day that is today: lines of another tell theirs. */
  readonly day: number
  readonly onOpen: (path: string, event?: number) => void
}

const EventRow = memo(
  ({ line, group, day, onOpen }: RowProps): JSX.Element => (
    <tr role="row" tabIndex={-1} onClick={() => onOpen(line.path, line.seq)}>
      <td role="cell" class="time number">
        {preciseMoment(line.at, day)}
      </td>
      <td role="cell" class="path" title={line.path}>
        {shortName(line.path, group)}
      </td>
      <td role="cell" class="state">
        <Chip look={line} />
      </td>
      <td role="cell" class="detail" title={line.detail}>
        {line.detail}
      </td>
    </tr>
  ),
)
