import { otherListeners } from './process-events.ts'

/** The standard streams, and the resources of this very turn of the event loop, keep no process alive. */
const HARMLESS = new Set(['TTYWrap', 'Immediate', 'TickObject', 'SignalWrap', 'FSReqCallback'])

/** The kinds of all resources. Deno does not tell them. */
const kindsOfAll = (): readonly string[] =>
  (process as { getActiveResourcesInfo?(): readonly string[] }).getActiveResourcesInfo?.() ?? []

/**
 * The kinds of resources that keep the process alive: `Timeout`, `TCPServerWrap x2`.
 *
 * @param channel also name the channel to the parent
 */
export const activeResources = (channel = false): readonly string[] => {
  const counts = new Map<string, number>()
  for (const kind of kindsOfAll()) if (!HARMLESS.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const pipes = (counts.get('PipeWrap') ?? 0) - standardPipes() - (isChannelHeld() ? 1 : 0)
  if (pipes > 0) counts.set('PipeWrap', pipes)
  else counts.delete('PipeWrap')
  if (channel && hearsParent()) counts.set('IPC channel', 1)
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} x${count}`))
}

/** Whether anything here listens to the parent, this library too. The channel counts as a pipe then. */
const isChannelHeld = (): boolean =>
  process.connected === true && process.listenerCount('message') + process.listenerCount('disconnect') > 0

/** Whether the program listens for messages of its parent. Node keeps it alive for them. */
export const hearsParent = (): boolean =>
  process.connected === true && otherListeners('message') + process.listenerCount('disconnect') > 0

/** Settles when handles that were just closed are gone. That takes a few turns of the event loop. */
export const closing = async (): Promise<void> => {
  let turns = 0
  do await turn()
  while (++turns < 5 && activeResources().length > 0)
}

/** One turn of the event loop. Pending rejections and errors are told before it ends. */
export const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

/** How many standard streams are pipes, at most: a stream that was never used is not open. */
const standardPipes = (): number => {
  const { fstatSync } = process.getBuiltinModule('node:fs')
  return [0, 1, 2].filter(fd => {
    try {
      const file = fstatSync(fd, { bigint: true })
      return file.isFIFO() || file.isSocket()
    } catch {
      return false
    }
  }).length
}
