import type { JSX } from 'preact'
import { describeReason, errorOf, isFinal } from '../../../../core/state.ts'
import type { GroupStatus } from '../../../../core/status/status.ts'
import { essence } from '../../../../core/text/error-text.ts'
import { type Cause, causesOf, heldInWords } from '../causes.ts'
import { sinceOf } from '../life.ts'
import type { Model } from '../model.ts'
import type { Place } from '../place.ts'
import { brief, lookOf, shortName } from '../words.ts'
import { Glyph } from './glyph.tsx'
import { memo } from './memo.tsx'
import { usePlaces } from './place.tsx'
import { Due, Elapsed, MANY, useCalm } from './time.tsx'

const MOST = 4

/** Where all are shown that the banner has no room for. */
const ALL_PROBLEMS: Place = {
  screen: 'services',
  state: 'problems',
  sort: 'problems',
  find: undefined,
  health: undefined,
}

interface WhyProps {
  readonly model: Model
  readonly onOpen: (path: string) => void
}

/** Why the group is not ready or not well, from the causes to those who wait for them. */
export const Why = ({ model: latest, onOpen }: WhyProps): JSX.Element => {
  const model = useCalm(latest, latest.status.list.length > MANY ? 100 : 0)
  return <Calmed model={model} onOpen={onOpen} />
}

/** Not drawn anew by what has come in meanwhile. */
const Calmed = memo(({ model: { status, readySince }, onOpen }: WhyProps): JSX.Element | null => {
  const { ready, reasons, name, group, trigger } = status
  if (ready && reasons.length === 0) return null
  const { href } = usePlaces()
  const optional = new Set(status.list.flatMap(one => (one.optional ? [one.path] : [])))
  const causes = causesOf(name, reasons, optional)
  const own = reasons.find(({ path }) => path === name)
  return (
    <div class="why">
      <p>
        {ready ? (
          'Ready, but not all is well:'
        ) : (
          <>
            <strong>Not ready</strong> for <Elapsed since={readySince} />
            {trigger
              ? `: ${isFinal(group.state) ? 'it was asked to end' : 'it is leaving'} (${describeReason(trigger)})`
              : ''}
            {!trigger && group.state.phase === 'idle' ? ': it has not been started' : ''}
            {!trigger && group.state.phase === 'starting' ? ': it is starting' : ''}
            {!trigger && own?.detail !== undefined ? `: ${brief(own.detail)}` : ''}
          </>
        )}
      </p>
      {causes.length > 0 && (
        <ul>
          {causes.slice(0, MOST).map(cause => (
            <li key={cause.path}>
              <CauseInWords cause={cause} status={status} onOpen={onOpen} />
            </li>
          ))}
          {causes.length > MOST && (
            <li>
              <a href={href(ALL_PROBLEMS)}>{`and ${causes.length - MOST} more`}</a>
            </li>
          )}
        </ul>
      )}
    </div>
  )
})

/** How a sentence about a service goes on. */
const HOW: Readonly<Record<Cause['phase'], string>> = {
  idle: 'has not been started',
  waiting: 'is waiting',
  starting: 'is starting',
  running: 'is running',
  draining: 'is draining',
  drained: 'has drained',
  stopping: 'is stopping',
  backoff: 'is down',
  stopped: 'has stopped',
  failed: 'has failed',
}

interface CauseProps {
  readonly cause: Cause
  readonly status: GroupStatus
  readonly onOpen: (path: string) => void
}

const CauseInWords = ({ cause, status, onOpen }: CauseProps): JSX.Element => {
  const { path, phase, health, detail, held } = cause
  const one = status.byPath(path)
  const state = one?.state
  const error = state && errorOf(state)
  const how = phase === 'running' && health !== 'pass' ? `is running with health ${health}` : HOW[phase]
  const what = error ? essence(error) : detail
  const others = heldInWords(status.name, held)
  return (
    <>
      {state && (
        <span class={lookOf(state).tone}>
          <Glyph name={lookOf(state).glyph} />{' '}
        </span>
      )}
      <button type="button" class="link brief" title={path} onClick={() => onOpen(path)}>
        {shortName(path, status.name)}
      </button>{' '}
      {how}
      {one && (
        <>
          {' '}
          ({phase === 'running' ? 'up ' : ''}
          <Elapsed since={sinceOf(one)} />)
        </>
      )}
      {state?.phase === 'backoff' && (
        <>
          , next try <Due at={state.retryAt} />
        </>
      )}
      {what !== undefined && what !== phase && `: ${brief(what)}`}
      {others && <span class="soft">{` — ${others}`}</span>}
    </>
  )
}
