import { systemClock } from '../../core/clock.ts'

/** The resources that keep a process alive, and the listeners of the process: how many of each kind. */
export type Resources = ReadonlyMap<string, number>

/** The resources now. A platform that can't tell them has none. */
export const resourcesNow = (): Resources => {
  const found = new Map<string, number>()
  const { process } = globalThis as { process?: Partial<NodeJS.Process> }
  for (const kind of process?.getActiveResourcesInfo?.() ?? []) found.set(kind, (found.get(kind) ?? 0) + 1)
  for (const event of process?.eventNames?.() ?? [])
    found.set(`listener of process "${String(event)}"`, process!.listenerCount!(event))
  return found
}

/** The resources that were added since. */
export const leftovers = (before: Resources, now: Resources): readonly string[] =>
  [...now].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0)
    return more > 0 ? [more === 1 ? kind : `${more} x ${kind}`] : []
  })

/** Resolves when no resource was added since. A closed handle takes a few turns of the event loop to go. */
export const nothingLeft = async (before: Resources, timeout: number): Promise<void> => {
  const deadline = systemClock.now() + timeout
  for (;;) {
    const left = leftovers(before, resourcesNow())
    if (left.length === 0) return
    if (systemClock.now() > deadline) throw new Error(`left behind: ${left.join(', ')}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
