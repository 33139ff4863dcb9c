import { builtinModule } from './platform.ts'

/**
 * A piece of work: a hook call, a request, a message. Code that runs in it, after any number of awaits, is known to be
 * inside. A member of a group is one too: what its lifecycle does outside any hook call.
 */
export interface Work {
  /** The work that this one is a part of. A hook call is part of its member, a member of where its group was begun. */
  readonly within: Work | undefined
  /** Whether its service still waits for it. A member has none of this: it is a place, nothing that ends. */
  isOpen?(): boolean
  /** Its service waits for nothing that goes on after it. Default false: a hook may have set going what it waits for. */
  readonly exact?: boolean
}

interface Storage {
  getStore(): Work | undefined
  run<T>(work: Work | undefined, code: () => T): T
}

type AsyncHooks = { readonly AsyncLocalStorage: new () => Storage }

/** Not looked for yet; `null`: this platform can't tell where a call comes from. */
let storage: Storage | null | undefined

const open = (): Storage | null => {
  const hooks = builtinModule<AsyncHooks>('node:async_hooks')
  return hooks ? new hooks.AsyncLocalStorage() : null
}

/** Runs code as a piece of work. Without one it runs where it is. */
export const enter = <T>(work: Work | undefined, code: () => T): T => {
  if (!work) return code()
  if (storage === undefined) storage = open()
  return storage ? storage.run(work, code) : code()
}

/** The work in which this is called. */
export const currentWork = (): Work | undefined => storage?.getStore()

/** Runs code that nothing waits for, such as a listener, whoever causes it to be called. */
export const outside = <T>(code: () => T): T => (currentWork() ? storage!.run(undefined, code) : code())
