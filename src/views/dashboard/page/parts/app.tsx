import type { JSX } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { GroupStatus } from '../../../../core/status/status.ts'
import type { Action } from '../actions.ts'
import { SCREENS, type Screen } from '../place.ts'
import { shortName } from '../words.ts'
import { Banner, groupLook, healthLook } from './banner.tsx'
import { Confirm } from './confirm.tsx'
import { Drawer } from './drawer.tsx'
import { Events } from './events.tsx'
import { Graph } from './graph.tsx'
import { PlaceContext, useAddress } from './place.tsx'
import { Services } from './services.tsx'
import { showInTab } from './tab.ts'
import { useView } from './time.tsx'
import { Timeline } from './timeline.tsx'

const TITLES: Readonly<Record<Screen, string>> = {
  services: 'Services',
  timeline: 'Timeline',
  graph: 'Graph',
  events: 'Events',
}

/** Up to so many services the timeline stands below the table, where it is seen without asking. */
const SMALL = 20

export const App = (): JSX.Element => {
  const view = useView()
  const places = useAddress()
  const { place, go, href } = places
  const { screen, open } = place
  const [action, setAction] = useState<Action>()
  const opener = useRef<Element | null>(null)
  const main = useRef<HTMLElement>(null)
  const { model, hello, connection } = view
  // The same function throughout, so that no row is drawn anew for it.
  const show = useRef(go)
  show.current = go
  const openOne = useCallback((path: string) => {
    const { activeElement } = document
    if (activeElement && !activeElement.closest('.drawer')) opener.current = activeElement
    show.current({ open: path })
  }, [])
  const close = (): void => {
    go({ open: undefined })
    const { current } = opener
    if (current instanceof HTMLElement && current.isConnected) current.focus()
    else main.current?.focus()
  }
  const acts = hello?.actions === true && connection === 'live'
  const status = model?.status
  return (
    <PlaceContext.Provider value={places}>
      <a
        class="skip"
        href="#main"
        onClick={event => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the services
      </a>
      <Banner view={view} onOpen={openOne} onStop={acts ? () => setAction({ action: 'stop' }) : undefined} />
      <nav aria-label="Views">
        {SCREENS.map(name => (
          <a key={name} href={href({ screen: name })} aria-current={name === screen ? 'page' : undefined}>
            {TITLES[name]}
          </a>
        ))}
      </nav>
      <div class={open === undefined ? 'content' : 'content with-drawer'}>
        <main id="main" ref={main} tabIndex={-1}>
          {!model && (
            <p class="empty">
              {connection === 'lost' ? 'The process does not answer yet.' : 'Waiting for the first word of the group…'}
            </p>
          )}
          {model && screen === 'services' && <Services model={model} selected={open} onOpen={openOne} />}
          {model && (screen === 'timeline' || (screen === 'services' && isSmall(model.status))) && (
            <Timeline key={hello?.boot} model={model} onOpen={openOne} />
          )}
          {model && screen === 'graph' && <Graph model={model} onOpen={openOne} />}
          {model && screen === 'events' && <Events model={model} onOpen={openOne} />}
        </main>
        {model && open !== undefined && (
          <Drawer
            model={model}
            path={open}
            onClose={close}
            onRestart={
              acts ? path => setAction({ action: 'restart', service: shortName(path, model.status.name) }) : undefined
            }
          />
        )}
      </div>
      {action && status && <Confirm action={action} group={status.name} onClose={() => setAction(undefined)} />}
      <Announcer status={status} gone={connection === 'gone'} />
    </PlaceContext.Provider>
  )
}

const isSmall = ({ list }: GroupStatus): boolean => list.length > 0 && list.length <= SMALL

/** Tells who can't see the page of the group's own changes, and the tab too; not of every event. */
const Announcer = ({
  status,
  gone,
}: {
  readonly status: GroupStatus | undefined
  readonly gone: boolean
}): JSX.Element => {
  const look = status && groupLook(status, gone)
  const health = status && healthLook(status)
  const worst = look && health && !gone && look.glyph === 'running' && health.tone !== 'good' ? health : look
  const text =
    status && look && health
      ? `${status.name}: ${look.text}${gone ? '' : `, ${health.text}, ${status.ready ? 'ready' : 'not ready'}`}`
      : ''
  const name = status?.name
  useEffect(() => {
    if (name !== undefined && worst) showInTab(name, worst)
  }, [name, worst?.text, worst?.tone])
  return (
    <p class="sr" role="status">
      {text}
    </p>
  )
}
