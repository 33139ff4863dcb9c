import { type EventEmitter, once } from 'node:events'
import type { ConformanceSubject } from 'rx-service-group/testing'

/** How the tests talk with a thread, or a process, that does what it is told. */
export const talkWith = (
  far: () => EventEmitter,
  send: (word: string) => unknown,
): Required<Pick<ConformanceSubject, 'use' | 'work' | 'crash'>> => {
  const said = async (word: string, ms: number): Promise<void> => {
    const signal = AbortSignal.timeout(ms)
    for (;;) if ((await once(far(), 'message', { signal }))[0] === word) return
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
