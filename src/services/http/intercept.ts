import type { EventEmitter } from 'node:events'

type Emit = (event: string, ...args: unknown[]) => boolean

/**
 * Has some events of a server handed out by someone else, who passes them on when it likes: a listener can't hold back
 * the others. Returns what ends it.
 */
export const intercept = (
  server: EventEmitter,
  events: readonly string[],
  handle: (pass: () => boolean, args: readonly unknown[], event: string) => boolean,
): (() => void) => {
  const emit: Emit = server.emit
  const wasOwn = Object.hasOwn(server, 'emit')
  const emitLater: Emit = (event, ...args) => {
    const pass = () => emit.call(server, event, ...args)
    return events.includes(event) ? handle(pass, args, event) : pass()
  }
  server.emit = emitLater
  return () => {
    if (server.emit !== emitLater) return
    if (wasOwn) server.emit = emit
    else delete (server as Partial<EventEmitter>).emit
  }
}

/** Tells some events of a server before anyone else hears them. A listener would change what Node does by itself. */
export const overhear = (
  server: EventEmitter,
  events: ReadonlySet<unknown>,
  tell: (...args: readonly never[]) => void,
): (() => void) => {
  const { emit } = server
  const wasOwn = Object.hasOwn(server, 'emit')
  // Called for each request, too, so that it does next to nothing.
  function emitAndTell(this: EventEmitter, ...args: Parameters<Emit>): boolean {
    if (events.has(args[0])) tell(...(args.slice(1) as never[]))
    return emit.apply(this, args)
  }
  server.emit = emitAndTell
  return () => {
    if (server.emit !== emitAndTell) return
    if (wasOwn) server.emit = emit
    else delete (server as Partial<EventEmitter>).emit
  }
}
