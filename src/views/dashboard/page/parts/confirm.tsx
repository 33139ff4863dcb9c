import type { JSX } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Action, ask, knownToken } from '../actions.ts'

/** Asks before it acts, and for the token when it has none. */
export const Confirm = ({
  action,
  group,
  onClose,
}: {
  readonly action: Action
  readonly group: string
  readonly onClose: () => void
}): JSX.Element => {
  const dialog = useRef<HTMLDialogElement>(null)
  const [token, setToken] = useState(knownToken)
  const [needsToken] = useState(token === '')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const what = action.action === 'stop' ? `Stop ${group}?` : `Restart ${action.service}?`
  const submit = async (): Promise<void> => {
    setBusy(true)
    setError('')
    const wrong = await ask(action, token)
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
        <h2 id="confirm-title">{what}</h2>
        <p>
          {action.action === 'stop'
            ? 'All services drain and stop in reverse order, and the process ends.'
            : 'It stops and starts again, and with it all that depend on it.'}
        </p>
        {(needsToken || error !== '') && (
          <label>
            Token
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
          <button type="submit" class="danger" disabled={busy}>
            {action.action === 'stop' ? 'Stop' : 'Restart'}
          </button>
        </div>
      </form>
    </dialog>
  )
}
