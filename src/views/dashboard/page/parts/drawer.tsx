import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ErrorInfo } from '../../../../core/errors.ts'
import { describeReason, errorOf, reasonOf } from '../../../../core/state.ts'
import type { ServiceStatus } from '../../../../core/status/service-status.ts'
import { milliseconds, preciseTimeOfDay } from '../../../../core/units.ts'
import { type Segment, sinceOf } from '../life.ts'
import type { Model } from '../model.ts'
import { besideHealth, detailOf, healthOf, lookOf } from '../words.ts'
import { Chip } from './glyph.tsx'
import { Due, Elapsed } from './time.tsx'

interface Props {
  readonly model: Model
  readonly path: string
  readonly onClose: () => void
  readonly onRestart: ((path: string) => void) | undefined
}

/** All that is known of one service. */
export const Drawer = ({ model, path, onClose, onRestart }: Props): JSX.Element => {
  const { status, lives } = model
  const one = status.byPath(path)
  const life = lives.get(path)
  const aside = useRef<HTMLElement>(null)
  useEffect(() => aside.current?.focus({ preventScroll: true }), [path])
  const own = path === status.name
  const direct = !own && path.slice(status.name.length + 1).indexOf('/') < 0
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
        <h2 id="drawer-title">{path}</h2>
        <button type="button" class="close" aria-label="Close details" onClick={onClose}>
          ×
        </button>
      </div>
      {!one ? (
        <p class="empty">It has been removed.</p>
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
            <span class="space" />
            {onRestart && direct && (
              <button type="button" onClick={() => onRestart(path)}>
                Restart…
              </button>
            )}
          </div>
          <Particulars status={one} />
          <Problem state={one.state} last={life?.lastError} />
          <h3>History</h3>
          <ol class="history">
            {life?.segments.map((segment, i) => <Stretch key={`${segment.from} ${i}`} segment={segment} />).reverse()}
          </ol>
        </>
      )}
    </aside>
  )
}

const Particulars = ({ status }: { readonly status: ServiceStatus }): JSX.Element => {
  const { state, dependsOn, observer, optional, restarts } = status
  const detail = detailOf(state)
  const reason = reasonOf(state)
  const place = [...(observer ? ['observer'] : []), ...(optional ? ['optional'] : [])].join(', ')
  const rows: readonly (readonly [string, ComponentChildren])[] = [
    ...(detail && !errorOf(state) ? [['Tells', detail] as const] : []),
    ...(reason ? [['Asked to end', describeReason(reason)] as const] : []),
    ['Depends on', dependsOn ? dependsOn.join(', ') || 'nothing' : 'its place in the order of adding'],
    ...(place ? [['Place', place] as const] : []),
    ['Restarts', String(restarts)],
    ...times(status),
    ...Object.entries(state.info ?? {}).map(([key, value]) => [key, String(value)] as const),
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
      : [[name, `${preciseTimeOfDay(at)}${since === null ? '' : `, after ${milliseconds(at - since)}`}`] as const],
  )

interface ProblemProps {
  readonly state: ServiceStatus['state']
  readonly last: { readonly at: number; readonly error: ErrorInfo } | undefined
}

const Problem = ({ state, last }: ProblemProps): JSX.Element | null => {
  const error = errorOf(state) ?? last?.error
  if (!error) return null
  return (
    <>
      <h3>{errorOf(state) || !last ? 'Error' : `Last error, at ${preciseTimeOfDay(last.at)}`}</h3>
      <ErrorText error={error} />
    </>
  )
}

/** An error, what caused it, and what caused that. */
const ErrorText = ({ error }: { readonly error: ErrorInfo }): JSX.Element => (
  <div class="error">
    <p>
      <strong>{error.name}</strong>
      {error.code !== undefined && <code>{error.code}</code>}
      {` ${error.message}`}
    </p>
    {error.stack !== undefined && (
      <details>
        <summary>Stack</summary>
        <pre tabIndex={0}>{error.stack}</pre>
      </details>
    )}
    {error.cause && (
      <div class="cause">
        <p class="soft">caused by</p>
        <ErrorText error={error.cause} />
      </div>
    )}
  </div>
)

const Stretch = ({ segment: { from, to, state } }: { readonly segment: Segment }): JSX.Element => (
  <li>
    <span class="number soft">{preciseTimeOfDay(from)}</span>
    <Chip look={lookOf(state)} />
    <span class="number">{to === null ? <Elapsed since={from} /> : milliseconds(to - from)}</span>
    <span class="detail">{detailOf(state)}</span>
  </li>
)
