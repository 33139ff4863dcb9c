/** The standard streams, and what this very turn of the event loop is made of, keep no process alive. */
const HARMLESS = new Set(['TTYWrap', 'Immediate', 'TickObject', 'SignalWrap', 'FSReqCallback'])

/** The kinds of resources that keep the process alive: `Timeout`, `TCPServerWrap x2`. `channel`: the parent's too. */
export const activeResources = (channel = false): readonly string[] => {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo())
    if (!HARMLESS.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const heard = hearsParent()
  const pipes = (counts.get('PipeWrap') ?? 0) - standardPipes() - (heard ? 1 : 0)
  if (pipes > 0) counts.set('PipeWrap', pipes)
  else counts.delete('PipeWrap')
  if (channel && heard) counts.set('IPC channel', 1)
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} x${count}`))
}

/** Node keeps a process alive for its parent's messages while somebody listens for them. */
export const hearsParent = (): boolean =>
  process.connected === true && process.listenerCount('message') + process.listenerCount('disconnect') > 0

/** Settles when handles that were just closed are gone, which takes a few turns of the event loop. */
export const closing = async (): Promise<void> => {
  let turns = 0
  do await turn()
  while (++turns < 5 && activeResources().length > 0)
}

/** One turn of the event loop: rejections and errors that are on their way come before it ends. */
export const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

/** At most so many standard streams are pipes; those that nobody has used are not open. */
const standardPipes = (): number => {
  const { fstatSync } = process.getBuiltinModule('node:fs')
  return [0, 1, 2].filter(fd => {
    try {
      const file = fstatSync(fd)
      return file.isFIFO() || file.isSocket()
    } catch {
      return false
    }
  }).length
}
