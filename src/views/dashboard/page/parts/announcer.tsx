import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { isStale, type View } from '../store.ts'
import type { Look } from '../words.ts'
import { groupLook, healthLook } from './banner.tsx'
import { showInTab } from './tab.ts'

/** A group that is not heard of is not known. */
const UNKNOWN: Readonly<Record<'lost' | 'silent', Look>> = {
  lost: { text: 'connection lost', tone: 'calm', glyph: 'abandoned' },
  silent: { text: 'no answer', tone: 'calm', glyph: 'abandoned' },
}

/** Tells who can't see the page of the group's own changes, and the tab too; not of every event. */
export const Announcer = ({ view }: { readonly view: View }): JSX.Element => {
  const { model, connection } = view
  const status = model?.status
  const gone = connection === 'gone'
  const look = status && groupLook(status, gone)
  const health = status && healthLook(status)
  const isUnwell = health && !gone && status.phase === 'running' && health.tone !== 'good'
  const worst = isStale(view) ? UNKNOWN[connection as 'lost' | 'silent'] : isUnwell ? health : look
  const known =
    status && look && health && !isStale(view)
      ? `${look.text}${gone ? '' : `, ${health.text}, ${status.ready ? 'ready' : 'not ready'}`}`
      : worst?.text
  const name = status?.name
  useEffect(() => {
    if (name !== undefined && worst) showInTab(name, worst)
  }, [name, worst?.text, worst?.tone])
  return (
    <p class="sr" role="status">
      {name === undefined ? '' : `${name}: ${known}`}
    </p>
  )
}
