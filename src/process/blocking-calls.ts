import type { Session } from 'node:inspector'

/** How many calls are told. */
const MOST_CALLS = 10

/** Files of Node itself, which begin every stack. */
const INTERNAL = 'node:internal/'

interface Call {
  readonly url: string
  readonly functionName: string
  readonly location: {
    readonly scriptId: string
    readonly lineNumber: number
    readonly columnNumber?: number | undefined
  }
}

/**
 * The calls that the main thread is in, the innermost first, as the lines of a stack. It is asked by another thread,
 * over the inspector, which stops JavaScript in the middle for a moment. A call of the system can't be stopped: then
 * there is no answer in time.
 *
 * @param within how long to wait for an answer, in milliseconds
 * @param then gets no lines when there is no answer
 */
export const callsOfMainThread = (within: number, then: (lines: readonly string[]) => void): void => {
  const session = connect()
  if (!session) return then([])
  const end = (lines: readonly string[]): void => {
    clearTimeout(timer)
    session.disconnect()
    then(lines)
  }
  const timer = setTimeout(end, within, [])
  const urls = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url))
  session.on('Debugger.paused', ({ params }) => {
    session.post('Debugger.resume')
    const calls = params.callFrames.map(call => ({ ...call, url: urls.get(call.location.scriptId) ?? 'unknown' }))
    end(
      calls
        .filter(({ url }) => !url.startsWith(INTERNAL))
        .slice(0, MOST_CALLS)
        .map(lineOf),
    )
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

/** `undefined` where there is no inspector, or it is not allowed. */
const connect = (): Session | undefined => {
  try {
    const session = new (process.getBuiltinModule('node:inspector').Session)()
    session.connectToMainThread()
    return session
  } catch {
    return undefined
  }
}

const lineOf = ({ functionName, location, url }: Call): string => {
  const place = `${url}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`
  return functionName === '' ? `at ${place}` : `at ${functionName} (${place})`
}
