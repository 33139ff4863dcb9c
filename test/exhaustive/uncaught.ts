import { config } from 'rxjs'

/** RxJS tells of an error that nobody caught by a timer of the platform: here it is told at once. */
export const uncaughtDuring = (work: () => void, tell: (error: unknown) => void): void => {
  const { setTimeout } = globalThis
  const { onUnhandledError } = config
  config.onUnhandledError = tell
  globalThis.setTimeout = ((callback: () => void) => callback()) as typeof setTimeout
  try {
    work()
  } catch (error) {
    tell(error)
  } finally {
    globalThis.setTimeout = setTimeout
    config.onUnhandledError = onUnhandledError
  }
}
