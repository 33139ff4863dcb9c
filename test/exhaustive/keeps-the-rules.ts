import { expect, test } from 'vitest'
import { explore } from './explore.ts'
import type { Scene } from './scene.ts'

/** A test for each scene, which explores it to its end. */
export const keepsTheRules = (scenes: readonly Scene[]): void => {
  for (const scene of scenes)
    test(`${scene.title}: every interleaving keeps the rules`, { timeout: 60_000 }, async () => {
      const { stackTraceLimit } = Error
      // The traces of thousands of failures would take most of the time.
      Error.stackTraceLimit = 0
      const { faults, cut } = await explore(scene).finally(() => {
        Error.stackTraceLimit = stackTraceLimit
      })
      expect(faults).toEqual([])
      expect(cut).toBe(false)
    })
}
