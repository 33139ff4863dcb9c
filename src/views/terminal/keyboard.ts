import { isatty, ReadStream } from 'node:tty'
import { outside } from '../../core/work.ts'
import { isForeground, isHandled, type KeySignal, signalForeground, whenContinued, whenExiting } from './job-control.ts'
import { type Key, KeyDecoder, type SignalKey } from './keys.ts'

/** A sequence that has begun is waited for so long, in milliseconds. After that it was the Escape key. */
const PATIENCE = 200

/** How soon keys are read again after a signal that the process has outlived, in milliseconds. */
const OUTLIVED = 50

const SIGNALS: Readonly<Record<SignalKey, KeySignal>> = { interrupt: 'SIGINT', suspend: 'SIGTSTP', quit: 'SIGQUIT' }

/** The descriptor of standard input. */
const STDIN = 0

/** Whether standard input is a terminal. */
export const hasKeyboard = (): boolean => isatty(STDIN)

/** Has terminals mark the begin and the end of a text that is pasted, so that it is not taken for keys. */
const [MARK_PASTES, MARK_NOTHING] = ['\u001b[?2004h', '\u001b[?2004l']

/**
 * Reads the keys of standard input, each as it is pressed, and shows none of them. The keys for signals send these
 * signals. As soon as it ends, and when the process does, the terminal is as it was. `process.stdin` is not touched.
 *
 * @param write writes to the same terminal
 * @param onKeys is called with the keys that have come at the same time
 * @returns what ends it
 */
export const openKeyboard = (write: (text: string) => void, onKeys: (keys: readonly Key[]) => void): (() => void) => {
  const decoder = new KeyDecoder()
  let input: ReadStream | undefined
  let isOver = false
  let waiting: NodeJS.Timeout | undefined
  let resuming: NodeJS.Timeout | undefined

  const on = (): void => {
    if (input || isOver || !isForeground()) return
    input = new ReadStream(STDIN)
    // A terminal that is gone tells so by a signal too.
    input.on('error', close)
    input.setRawMode(true)
    input.on('data', onData)
    input.unref()
    write(MARK_PASTES)
  }
  const off = (): void => {
    clearTimeout(waiting)
    clearTimeout(resuming)
    if (!input) return
    const last = input
    input = undefined
    last.off('data', onData)
    last.pause()
    // The system stops a process of the background that sets the terminal.
    if (!isForeground()) return
    write(MARK_NOTHING)
    last.setRawMode(false)
    // As long as it is open, Node sets the terminal at the end of the process, in the background too.
    if (ownsDescriptor(last)) last.destroy()
  }
  const signal = (name: KeySignal): void => {
    // The end of the process by this signal would leave the terminal as it is now.
    if (name === 'SIGINT' && isHandled(name)) return signalForeground(name)
    off()
    signalForeground(name)
    resuming = setTimeout(on, OUTLIVED).unref()
  }
  const tell = (keys: readonly Key[]): void => {
    let at = 0
    const flush = (to: number): void => {
      if (to > at) onKeys(keys.slice(at, to))
      at = to + 1
    }
    for (const [i, key] of keys.entries()) {
      if (key.kind !== 'named' || !(key.name in SIGNALS)) continue
      flush(i)
      signal(SIGNALS[key.name as SignalKey])
    }
    flush(keys.length)
  }
  const onData = (chunk: string | Uint8Array): void =>
    outside(() => {
      clearTimeout(waiting)
      tell(decoder.keys(chunk))
      if (decoder.isWaiting) waiting = setTimeout(() => tell(decoder.settle()), PATIENCE).unref()
    })
  const stops = [
    whenExiting(off),
    whenContinued(() => {
      off()
      on()
    }),
  ]
  const close = (): void => {
    if (isOver) return
    isOver = true
    off()
    for (const stop of stops) stop()
  }
  on()
  return close
}

/**
 * The stream has opened the terminal anew, as it does where it can. To end any other one would close standard input.
 */
const ownsDescriptor = (stream: ReadStream): boolean =>
  (stream as { readonly _handle?: { readonly fd?: number } })._handle?.fd !== STDIN
