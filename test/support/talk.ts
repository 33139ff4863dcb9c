import { type EventEmitter, on } from 'node:events'
import type { ConformanceSubject } from 'rx-service-group/testing'

/** How the tests talk with a thread, or a process, that does what it is told. */
export const talkWith = (
  far: () => EventEmitter,
  send: (word: string) => unknown,
): Required<Pick<ConformanceSubject, 'use' | 'work' | 'crash'>> => {
  // Listens all the while: two messages may come in one turn.
  const said = async (word: string, ms: number): Promise<void> => {
    for await (const [message] of on(far(), 'message', { signal: AbortSignal.timeout(ms) }))
      if (message === word) return
  }
  return {
    use: async () => {
      const done = said('done', 1_000)
      send('quick')
      await done
    },
    work: async () => {
      const begun = said('begun', 10_000)
      send('slow')
      await begun
      return { done: said('done', 10_000), finish: () => send('go') }
    },
    crash: () => send('die'),
  }
}
