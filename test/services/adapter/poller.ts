import { type Service, type ServiceHooks, service } from 'rx-service-group'
import { check, checkName, makeInFlight, messageOf } from 'rx-service-group/adapter'
import { defer, tap } from 'rxjs'

/** Calls `poll` every so often, never twice at the same time. */
export const poller = <const Name extends string>(
  name: Name,
  poll: (signal: AbortSignal) => Promise<unknown>,
  every: number,
): Service<Name> => {
  checkName(name)
  check.callable(name, 'poll', poll)
  check.positive(name, 'every', every)

  const hooks = (): ServiceHooks => {
    const polls = makeInFlight<AbortController>()
    const end = new AbortController()
    let timer: NodeJS.Timeout
    return {
      start: ({ setHealth, workFailed }) => {
        timer = setInterval(async () => {
          if (polls.size > 0) return
          polls.take(end)
          try {
            await poll(end.signal)
            setHealth('pass')
          } catch (error) {
            setHealth('warn', messageOf(error))
            workFailed('a poll', error)
          }
          polls.release(end)
        }, every)
      },
      drain: ({ pending }) => {
        clearInterval(timer)
        return polls.untilEmpty$().pipe(tap(pending))
      },
      stop: () => {
        clearInterval(timer)
        end.abort()
        return polls.untilEmpty$()
      },
    }
  }
  return { name, lifecycle: shutdown$ => defer(() => service(name, hooks()).lifecycle(shutdown$)) }
}
