import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { describeReason, isFinal, PHASES } from '../../../../core/state.ts'
import type { GroupStatus } from '../../../../core/status/status.ts'
import type { Model } from '../model.ts'
import { moment } from '../moments.ts'
import type { View } from '../store.ts'
import { besideHealth, brief, type Look, shortName, shownPath } from '../words.ts'
import { ProcessFigures } from './figures.tsx'
import { Chip } from './glyph.tsx'
import { usePlaces } from './place.tsx'
import { ThemeChoice } from './theme.tsx'
import { Elapsed } from './time.tsx'
import { Why } from './why.tsx'

/** The group as a whole. Its page outlives its process, and is not told of its own end. */
export const groupLook = ({ group }: GroupStatus, gone: boolean): Look =>
  gone && !isFinal(group.state) ? { text: 'gone', tone: 'calm', glyph: 'stopped' } : besideHealth(group.state)

export const healthLook = ({ health }: GroupStatus): Look =>
  health === 'pass'
    ? { text: 'healthy', tone: 'good', glyph: 'running' }
    : health === 'warn'
      ? { text: 'warn', tone: 'warn', glyph: 'warn' }
      : { text: 'unhealthy', tone: 'bad', glyph: 'unwell' }

const readyLook = (ready: boolean): Look =>
  ready ? { text: 'ready', tone: 'good', glyph: 'running' } : { text: 'not ready', tone: 'warn', glyph: 'waiting' }

interface Props {
  readonly view: View
  /** Of the present process, whichever is shown. */
  readonly latest: View
  readonly onStop: (() => void) | undefined
  readonly onOpen: (path: string) => void
}

export const Banner = ({ view, latest, onStop, onOpen }: Props): JSX.Element => {
  const { model, hello, connection } = view
  const status = model?.status
  const gone = connection === 'gone'
  return (
    <header class="banner">
      <div class="line">
        <h1>{shownPath(status?.name ?? hello?.group ?? 'Services')}</h1>
        {status && (
          <span class="chips">
            <Chip look={groupLook(status, gone)} label="State:" />
            {!gone && <Chip look={healthLook(status)} label="Health:" />}
            {!gone && <Chip look={readyLook(status.ready)} />}
          </span>
        )}
        <span class="space" />
        <ConnectionState view={view} />
        <ThemeChoice />
        {onStop && (
          <button type="button" class="danger" onClick={onStop}>
            Stop the group…
          </button>
        )}
      </div>
      <OtherRun view={view} latest={latest} />
      {model && !gone && <Why model={model} onOpen={onOpen} />}
      {model && gone && <LastWords model={model} />}
      <Facts view={view} />
      {view.figures && <ProcessFigures figures={view.figures} />}
    </header>
  )
}

const Facts = ({ view: { model, hello, connection } }: { readonly view: View }): JSX.Element => {
  const group = model?.status.group
  return (
    <p class="facts">
      {model && <span>{countsInWords(model.status)}</span>}
      {group && group.readyAt !== null && (
        <span>
          {connection === 'gone' || group.endedAt !== null ? 'was up' : 'up'}{' '}
          <Elapsed since={group.readyAt} until={group.stoppingAt ?? group.endedAt} />
        </span>
      )}
      {hello?.pid !== undefined && <span>{`pid ${hello.pid}`}</span>}
      {hello?.host !== undefined && <span>{hello.host}</span>}
      {hello?.node !== undefined && <span>{`node ${hello.node}`}</span>}
    </p>
  )
}

/** `30 services: 27 running, 2 starting, 1 failed` */
const countsInWords = ({ list }: GroupStatus): string => {
  if (list.length === 0) return 'no services'
  const counts = new Map<string, number>()
  for (const { state } of list) counts.set(state.phase, (counts.get(state.phase) ?? 0) + 1)
  const parts = PHASES.flatMap(phase => (counts.has(phase) ? [`${counts.get(phase)} ${phase}`] : []))
  return `${list.length} ${list.length === 1 ? 'service' : 'services'}: ${parts.join(', ')}`
}

/** A connection that is lost for so long will hardly come back by itself. */
const PATIENCE = 5_000

const ConnectionState = ({ view: { connection, asOf } }: { readonly view: View }): JSX.Element => {
  const [late, setLate] = useState(false)
  useEffect(() => {
    setLate(false)
    if (connection !== 'lost') return
    const timer = setTimeout(() => setLate(true), PATIENCE)
    return () => clearTimeout(timer)
  }, [connection])
  const asOfText = asOf === undefined ? '' : `data as of ${moment(asOf)}`
  const text = {
    connecting: 'connecting…',
    live: 'live',
    lost: late ? `${asOfText} — the process does not answer` : `reconnecting… (${asOfText})`,
    silent: `${asOfText} — the process is silent`,
    gone: `${asOfText} — the process is gone`,
  }[connection]
  return <span class={`connection ${connection}`}>{text}</span>
}

/** From the present process to the one before, whose end one may want to look at, and back. */
const OtherRun = ({ view, latest }: Pick<Props, 'view' | 'latest'>): JSX.Element | null => {
  const { href } = usePlaces()
  const { previous } = latest
  if (!previous) return null
  const { status } = previous.model
  const isPast = view !== latest
  const { trigger } = status
  const ended = `${trigger ? `${describeReason(trigger)}, ` : ''}last heard of at ${moment(Math.max(previous.asOf, status.at))}`
  return (
    <p class="run">
      {isPast ? (
        <>
          <strong>This is the previous run</strong> {`(${ended}). `}
          <a href={href({ run: undefined, event: undefined, part: undefined })}>Show the present one</a>
        </>
      ) : (
        <>
          {'There was a run before this one: '}
          <a href={href({ run: 'previous', screen: 'timeline', event: undefined, part: trigger ? 'stop' : 'all' })}>
            previous run
          </a>
          <span class="soft">{` (${ended})`}</span>
        </>
      )}
    </p>
  )
}

/** The last report of the process. */
const LastWords = ({ model: { status, report } }: { readonly model: Model }): JSX.Element => {
  const errors = report?.errors ?? []
  const { trigger } = status
  return (
    <div class="why">
      <p>
        {trigger ? `It was asked to end: ${describeReason(trigger)}. ` : ''}
        {errors.length === 0
          ? 'What is shown is the last that it told.'
          : `${errors.length} ${errors.length === 1 ? 'error' : 'errors'}; the first: ${shortName(errors[0]!.service, status.name)}: ${brief(errors[0]!.message)}`}
      </p>
    </div>
  )
}
