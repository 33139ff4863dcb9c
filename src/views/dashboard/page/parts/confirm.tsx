import type { JSX } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { GroupStatus } from '../../../../core/status/status.ts'
import { type Action, ask, knownToken, type Verb } from '../actions.ts'
import { effectOf } from '../affected.ts'
import { shownPath } from '../words.ts'

const TITLES: Readonly<Record<Verb, string>> = { start: 'Start', stop: 'Stop', restart: 'Restart' }

/** Asks before it acts, and for the token when it has none. */
export const Confirm = ({
  action,
  status,
  onClose,
}: {
  readonly action: Action
  readonly status: GroupStatus
  readonly onClose: () => void
}): JSX.Element => {
  const dialog = useRef<HTMLDialogElement>(null)
  const group = status.name
  const [token, setToken] = useState(() => knownToken(group))
  const [needsToken] = useState(token === '')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const title = TITLES[action.action]
  const submit = async (): Promise<void> => {
    setBusy(true)
    setError('')
    const wrong = await ask(action, group, token)
    setBusy(false)
    if (wrong === undefined) dialog.current?.close()
    else setError(wrong)
  }
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          void submit()
        }}
      >
        <h2 id="confirm-title">{`${title} ${shownPath('service' in action ? action.service : group)}?`}</h2>
        {effectOf(action, status).map(sentence => (
          <p key={sentence}>{sentence}</p>
        ))}
        {(needsToken || error !== '') && (
          <label>
            {`Token of ${shownPath(group)}`}
            <input
              type="password"
              autocomplete="off"
              required
              value={token}
              onInput={event => setToken(event.currentTarget.value)}
            />
          </label>
        )}
        {error && (
          <p class="wrong" role="alert">
            {error}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={action.action === 'start' ? undefined : 'danger'} disabled={busy}>
            {title}
          </button>
        </div>
      </form>
    </dialog>
  )
}
