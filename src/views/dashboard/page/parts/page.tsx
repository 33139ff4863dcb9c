import type { JSX } from 'preact'
import { useCallback, useRef, useState } from 'preact/hooks'
import type { GroupStatus } from '../../../../core/status/status.ts'
import { type Action, allowedBy } from '../actions.ts'
import { SCREENS, type Screen } from '../place.ts'
import type { View } from '../store.ts'
import { nameIn } from '../words.ts'
import { Banner } from './banner.tsx'
import { Confirm } from './confirm.tsx'
import { Drawer } from './drawer.tsx'
import { Events } from './events.tsx'
import { Graph } from './graph.tsx'
import { usePlaces } from './place.tsx'
import { Services } from './services.tsx'
import { Timeline } from './timeline.tsx'

const TITLES: Readonly<Record<Screen, string>> = {
  services: 'Services',
  timeline: 'Timeline',
  graph: 'Graph',
  events: 'Events',
}

/** Up to so many services the timeline stands below the table, where it is seen without asking. */
const SMALL = 20

interface Props {
  readonly view: View
  /** Of the present process, whichever is shown. */
  readonly latest: View
}

export const Page = ({ view, latest }: Props): JSX.Element => {
  const { place, go, href } = usePlaces()
  const { screen, open } = place
  const [action, setAction] = useState<Action>()
  const opener = useRef<Element | null>(null)
  const main = useRef<HTMLElement>(null)
  const { model, hello, connection } = view
  // The same function throughout, so that no row is drawn anew for it.
  const show = useRef(go)
  show.current = go
  const openOne = useCallback((path: string, event?: number) => {
    const { activeElement } = document
    if (activeElement && !activeElement.closest('.drawer')) opener.current = activeElement
    show.current({ open: path, event })
  }, [])
  const openService = useCallback((path: string) => openOne(path), [])
  const close = (): void => {
    go({ open: undefined, event: undefined })
    const { current } = opener
    if ((current instanceof HTMLElement || current instanceof SVGElement) && current.isConnected) current.focus()
    else main.current?.focus()
  }
  const allowed = allowedBy(connection === 'live' ? hello : undefined)
  const status = model?.status
  return (
    <>
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
      <Banner
        view={view}
        latest={latest}
        onOpen={openService}
        onStop={allowed.has('stop-group') ? () => setAction({ action: 'stop' }) : undefined}
      />
      <nav aria-label="Views">
        {SCREENS.map(name => (
          <a key={name} href={href({ screen: name })} aria-current={name === screen ? 'page' : undefined}>
            {TITLES[name]}
          </a>
        ))}
      </nav>
      <div class={open === undefined ? 'content' : 'content with-drawer'}>
        <main id="main" ref={main} tabIndex={-1}>
          {!model && <p class="empty">{WAITING[connection]}</p>}
          {model && screen === 'services' && <Services model={model} selected={open} onOpen={openService} />}
          {model && (screen === 'timeline' || (screen === 'services' && isSmall(model.status))) && (
            <Timeline key={hello?.boot} model={model} onOpen={openService} />
          )}
          {model && screen === 'graph' && <Graph model={model} onOpen={openService} />}
          {model && screen === 'events' && <Events model={model} onOpen={openOne} />}
        </main>
        {model && open !== undefined && (
          <Drawer
            model={model}
            path={open}
            series={view.series}
            printed={view.printed}
            onClose={close}
            allowed={allowed}
            onAct={(verb, path) => setAction({ action: verb, service: nameIn(model.status.name, path) })}
          />
        )}
      </div>
      {action && status && <Confirm action={action} status={status} onClose={() => setAction(undefined)} />}
    </>
  )
}

/** The text before anything is known. */
const WAITING: Readonly<Record<View['connection'], string>> = {
  connecting: 'Waiting for the first word of the group…',
  live: 'Waiting for the first word of the group…',
  lost: 'The process does not answer yet.',
  silent: 'The process does not answer yet.',
  gone: 'The process is gone, and has told nothing.',
}

const isSmall = ({ list }: GroupStatus): boolean => list.length > 0 && list.length <= SMALL
