import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ErrorInfo } from '../../../../core/errors.ts'
import { visible } from '../../../../core/text/visible.ts'
import { copy } from '../copy.ts'
import { othersOf, wholeText } from '../error-words.ts'
import { lines } from '../words.ts'

/** An error with all that led to it, to be read and to be sent to somebody. */
export const ErrorView = ({ error }: { readonly error: ErrorInfo }): JSX.Element => (
  <div class="error-view">
    <CopyButton text={() => wholeText(error)} />
    <ErrorText error={error} isFirst={true} />
  </div>
)

/** How long it says that it has copied, in milliseconds. */
const SAID = 2_000

const CopyButton = ({ text }: { readonly text: () => string }): JSX.Element => {
  const [said, say] = useState<'Copied' | 'Could not copy'>()
  useEffect(() => {
    if (!said) return
    const timer = setTimeout(() => say(undefined), SAID)
    return () => clearTimeout(timer)
  }, [said])
  return (
    <button type="button" class="copy" onClick={async () => say((await copy(text())) ? 'Copied' : 'Could not copy')}>
      <span aria-live="polite">{said ?? 'Copy the error'}</span>
    </button>
  )
}

interface Props {
  readonly error: ErrorInfo
  /** The first error: the others are its causes. */
  readonly isFirst?: boolean
}

/** An error, what caused it, what caused that, and what came with it. */
const ErrorText = ({ error, isFirst = false }: Props): JSX.Element => {
  const others = othersOf(error)
  return (
    <div class="error">
      <p class="lines">
        <strong>{visible(error.name)}</strong>
        {error.code !== undefined && <code>{error.code}</code>}
        {error.status !== undefined && <code>{`status ${error.status}`}</code>}
        {` ${lines(error.message)}`}
      </p>
      {error.stack !== undefined && (
        <details open={isFirst}>
          <summary>Stack</summary>
          <pre tabIndex={0} role="group" aria-label={`Stack of ${error.name}`}>
            {lines(error.stack)}
          </pre>
        </details>
      )}
      {error.cause && (
        <div class="cause">
          <p class="soft">caused by</p>
          <ErrorText error={error.cause} />
        </div>
      )}
      {others.length > 0 && (
        <div class="cause">
          <p class="soft">{others.length === 1 ? 'with another error' : `with ${others.length} errors`}</p>
          <ol>
            {others.map((other, i) => (
              <li key={i}>
                <ErrorText error={other} />
              </li>
            ))}
          </ol>
        </div>
      )}
    </div>
  )
}
