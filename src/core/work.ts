import { builtinModule } from './platform.ts'
import { shared } from './shared.ts'

/**
 * A piece of work: a hook call, a request, a message. Code that runs in it is known to be inside, after any number of
 * awaits. A member of a group is a piece of work too, for code of its lifecycle outside any hook call.
 */
export interface Work {
  /** The work that contains this one. A member contains its hook calls; the caller of a group contains its members. */
  readonly within: Work | undefined
  /** Whether its service still waits for it. A member has no such function, because it is not a call. */
  isOpen?(): boolean
  /** Its service waits for no code that runs on after it. Default false: a hook may start such code. */
  readonly exact?: boolean
  /** The path of a member in its group: `shop/orders`. */
  readonly path?: string
}

interface Storage {
  getStore(): Work | undefined
  run<T>(work: Work | undefined, code: () => T): T
}

type AsyncHooks = { readonly AsyncLocalStorage: new () => Storage }

/** Where the present work is kept. Some platforms can't tell where a call comes from. */
const present = shared('work.1', (): { readonly storage?: Storage } => {
  const hooks = builtinModule<AsyncHooks>('node:async_hooks')
  return hooks ? { storage: new hooks.AsyncLocalStorage() } : {}
})

/** Runs code as a piece of work. Without a work, the code belongs to the work of its caller. */
export const enter = <T>(work: Work | undefined, code: () => T): T => {
  if (!work) return code()
  const { storage } = present()
  return storage ? storage.run(work, code) : code()
}

/** The work in which the caller runs. */
export const currentWork = (): Work | undefined => present().storage?.getStore()

/** The path of the member in which the caller runs, from the outermost group on; `undefined` outside any group. */
export const currentPath = (): string | undefined => {
  let path: string | undefined
  // A member's path begins with the name of its group, which is the last name of the outer member's path.
  for (let work = currentWork(); work; work = work.within)
    if (work.path !== undefined) path = path === undefined ? work.path : work.path + path.slice(path.indexOf('/'))
  return path
}

/**
 * The path of the member in which a work happens, as the group of this name calls it; `undefined` outside that group.
 * A group that a hook has begun by itself is not in the group of that hook: its work is the work of the hook.
 */
export const pathIn = (group: string, from: Work | undefined): string | undefined => {
  let found: string | undefined
  let path: string | undefined
  let isNested = false
  for (let work = from; work; work = work.within) {
    if (work.path !== undefined)
      path = isNested && path !== undefined ? work.path + path.slice(path.indexOf('/')) : work.path
    isNested = work.path !== undefined
    if (isNested && path!.startsWith(group) && path![group.length] === '/') found = path
  }
  return found
}

/** Runs code that belongs to no work, such as a listener, although a work causes the call. */
export const outside = <T>(code: () => T): T => (currentWork() ? present().storage!.run(undefined, code) : code())
