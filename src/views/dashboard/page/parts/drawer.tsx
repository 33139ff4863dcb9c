import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { describeReason, errorOf, reasonOf } from '../../../../core/state.ts'
import type { ServiceStatus } from '../../../../core/status/service-status.ts'
import { visible } from '../../../../core/text/visible.ts'
import { milliseconds } from '../../../../core/units.ts'
import { type Verb, verbsFor } from '../actions.ts'
import { sinceOf } from '../life.ts'
import type { Model } from '../model.ts'
import { preciseMoment } from '../moments.ts'
import type { Series } from '../series.ts'
import type { View } from '../store.ts'
import { besideHealth, detailOf, healthOf, shownPath } from '../words.ts'
import { Console } from './console.tsx'
import { ErrorView } from './error-view.tsx'
import { EventInDrawer } from './event-in-drawer.tsx'
import { ServiceFigures } from './figures.tsx'
import { Chip } from './glyph.tsx'
import { History } from './history.tsx'
import { usePlaces } from './place.tsx'
import { Due, Elapsed } from './time.tsx'

interface Props {
  readonly model: Model
  readonly path: string
  readonly series: View['series']
  readonly printed: View['printed']
  readonly onClose: () => void
  readonly allowed: ReadonlySet<string>
  readonly onAct: (verb: Verb, path: string) => void
}

/** All that is known of one service. */
export const Drawer = ({ model, path, series, printed, onClose, allowed, onAct }: Props): JSX.Element => {
  const { status, lives } = model
  const { place } = usePlaces()
  const one = status.byPath(path)
  const life = lives.get(path)
  const aside = useRef<HTMLElement>(null)
  useEffect(() => aside.current?.focus({ preventScroll: true }), [path, place.event])
  return (
    <aside
      ref={aside}
      class="drawer"
      tabIndex={-1}
      aria-labelledby="drawer-title"
      onKeyDown={event => {
        if (event.key !== 'Escape') return
        event.preventDefault()
        onClose()
      }}
    >
      <div class="drawer-head">
        <h2 id="drawer-title">{shownPath(path)}</h2>
        <button type="button" class="close" aria-label="Close details" onClick={onClose}>
          ×
        </button>
      </div>
      {place.event !== undefined && <EventInDrawer model={model} seq={place.event} />}
      {!one ? (
        <p class="empty">{`There is no service “${shownPath(path).slice(0, 200)}” (any more).`}</p>
      ) : (
        <>
          <div class="chips">
            <Chip look={besideHealth(one.state)} label="State:" />
            {healthOf(one.state) && <Chip look={healthOf(one.state)!} label="Health:" />}
            <span class="soft">
              for <Elapsed since={sinceOf(one)} />
              {one.state.phase === 'backoff' && (
                <>
                  , next try <Due at={one.state.retryAt} />
                </>
              )}
            </span>
          </div>
          {path !== status.name && <Acts status={one} allowed={allowed} onAct={onAct} />}
          <Particulars status={one} drawn={series.get(path)} />
          <Problem status={one} last={life?.lastError} />
          <ServiceFigures series={series.get(path)} />
          {printed && <Console key={path} printed={printed} path={path} />}
          {life && <History life={life} begins={model.begins} />}
        </>
      )}
    </aside>
  )
}

const TITLES: Readonly<Record<Verb, string>> = { start: 'Start…', stop: 'Stop…', restart: 'Restart…' }

interface ActsProps {
  readonly status: ServiceStatus
  readonly allowed: ReadonlySet<string>
  readonly onAct: (verb: Verb, path: string) => void
}

const Acts = ({ status: { path, state }, allowed, onAct }: ActsProps): JSX.Element | null => {
  const verbs = verbsFor(state, allowed)
  if (verbs.length === 0) return null
  return (
    <div class="acts">
      {verbs.map(verb => (
        <button key={verb} type="button" onClick={() => onAct(verb, path)}>
          {TITLES[verb]}
        </button>
      ))}
    </div>
  )
}

interface ParticularsProps {
  readonly status: ServiceStatus
  /** The figures that are drawn with their values: they need no row. */
  readonly drawn: Series | undefined
}

const Particulars = ({ status, drawn }: ParticularsProps): JSX.Element => {
  const { state, dependsOn, observer, optional, restarts } = status
  const detail = detailOf(state)
  const reason = reasonOf(state)
  const place = [...(observer ? ['observer'] : []), ...(optional ? ['optional'] : [])].join(', ')
  const rows: readonly (readonly [string, ComponentChildren])[] = [
    ...(detail && !errorOf(state) ? [['Tells', detail] as const] : []),
    ...(reason ? [['Asked to end', describeReason(reason)] as const] : []),
    ['Depends on', dependsOn ? dependsOn.map(shownPath).join(', ') || 'nothing' : 'its place in the order of adding'],
    ...(place ? [['Place', place] as const] : []),
    ['Restarts', String(restarts)],
    ...times(status),
    ...Object.entries(state.info ?? {})
      .filter(([key]) => !drawn?.has(key))
      .map(([key, value]) => [visible(key), visible(String(value))] as const),
  ]
  return (
    <dl class="particulars">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

const times = (status: ServiceStatus): readonly (readonly [string, string])[] =>
  (
    [
      ['Started', status.startedAt, null],
      ['Ready', status.readyAt, status.startedAt],
      ['Leaving', status.leftAt, null],
      ['Draining', status.drainingAt, null],
      ['Drained', status.drainedAt, status.drainingAt],
      ['Stopping', status.stoppingAt, null],
      ['Ended', status.endedAt, status.stoppingAt],
    ] as const
  ).flatMap(([name, at, since]) =>
    at === null
      ? []
      : [[name, `${preciseMoment(at)}${since === null ? '' : `, after ${milliseconds(at - since)}`}`] as const],
  )

interface ProblemProps {
  readonly status: ServiceStatus
  readonly last: Parameters<typeof History>[0]['life']['lastError']
}

const Problem = ({ status: { state }, last }: ProblemProps): JSX.Element | null => {
  const error = errorOf(state) ?? last?.error
  if (!error) return null
  return (
    <>
      <h3>{errorOf(state) || !last ? 'Error' : `Last error, at ${preciseMoment(last.at)}`}</h3>
      <ErrorView error={error} />
    </>
  )
}
