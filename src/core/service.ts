import { from, isObservable, Observable, type ObservableInput } from 'rxjs'
import { ServiceError } from './errors.ts'
import type { ServiceContext } from './hooks/hook-call.ts'
import type { Hooks } from './hooks/hook-calls.ts'
import type { HookResult } from './hooks/hook-result.ts'
import { HookedIncarnation } from './hooks/hooked-incarnation.ts'
import { isGrpcServer, isInteropObservable, whatInstead } from './hooks/instead.ts'
import { callable, closest, namesOf, refuse, show } from './options.ts'
import type { ServiceState } from './state.ts'
import type { Shutdown } from './steps.ts'

/**
 * A service is a cold Observable of its lifecycle. Subscribing starts it, `shutdown$` says how far the goodbye has
 * come, completion means it is gone, an error means it failed and is gone.
 */
export interface Service<Name extends string = string> {
  readonly name: Name
  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState>
}

/** What a service can do at each step of its life. Each may return a promise, an Observable or nothing. */
export interface ServiceHooks {
  /** Settles when the service is ready. */
  readonly start?: (context: ServiceContext) => HookResult
  /** Serve on, but say goodbye. Nobody waits for it. */
  readonly unready?: (context: ServiceContext) => HookResult
  /** Take no new work from outside; settles when what is held is finished. */
  readonly drain?: (context: ServiceContext) => HookResult
  /** End gracefully; settles when the service is gone. */
  readonly stop?: (context: ServiceContext) => HookResult
  /** Let go of everything now, so that a stop that is under way can settle. */
  readonly force?: (context: ServiceContext) => HookResult
}

/** Any object or class instance with these methods can be added to a group. Named after `name`, or its class. */
export interface Startable {
  readonly name?: string
  start(context: ServiceContext): HookResult
  unready?(context: ServiceContext): HookResult
  drain?(context: ServiceContext): HookResult
  stop?(context: ServiceContext): HookResult
  force?(context: ServiceContext): HookResult
}

/** A service made from hooks. It is known by its private member, which no other object can have. */
class HookedService<Name extends string> implements Service<Name> {
  readonly name: Name
  readonly lifecycle: Service['lifecycle']
  readonly #mayBlock: boolean

  constructor(name: Name, hooks: Hooks, mayBlock: boolean) {
    this.name = checkName(name)
    this.lifecycle = shutdown$ => new Observable(out => new HookedIncarnation(name, hooks, shutdown$, out))
    this.#mayBlock = mayBlock
  }

  static isHooked(service: Service): boolean {
    return #mayBlock in service
  }

  static mayBlock(service: Service): boolean {
    return #mayBlock in service && service.#mayBlock
  }
}

/** Makes a service from any set of hooks. Not public, because some sets make no sense, such as a start with a main. */
export const hooked = <Name extends string>(name: Name, hooks: Hooks): Service<Name> =>
  new HookedService(name, hooks, false)

/** Whether a service was made from hooks, and thus says only legal states. */
export const isHooked = (service: Service): boolean => HookedService.isHooked(service)

/** Whether the start of a service is the user's own function: one that never settles may be meant as a task. */
export const mayBlock = (service: Service): boolean => HookedService.mayBlock(service)

/**
 * A service from functions, or from an object with such methods. It is running once `start` has settled, and gone once
 * `stop` has.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * const rows = new Map<string, string>()
 * const db = service('db', {
 *   start: () => rows.set('greeting', 'hello'),
 *   stop: () => rows.clear(),
 * })
 * ```
 */
export const service = <const Name extends string>(name: Name, hooks: ServiceHooks): Service<Name> => {
  checkName(name)
  return new HookedService(name, hooksOf(name, hooks), true)
}

/**
 * One long-running function (go-zero's blocking `Start`): running at once, until it ends. Its signal fires when it is
 * its turn to stop; an Observable that it returns is unsubscribed then.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * const ticker = task('ticker', async ({ signal }) => {
 *   while (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
 * })
 * ```
 */
export const task = <const Name extends string>(
  name: Name,
  main: (context: ServiceContext) => HookResult,
): Service<Name> => {
  checkName(name)
  checkFunction(name, 'task', main)
  return hooked(name, { main })
}

/**
 * A one-shot: starting until it has ended well; what depends on it starts after that. The start timeout counts.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * const migrate = job('migrate', async () => console.log('migrated'))
 * ```
 */
export const job = <const Name extends string>(
  name: Name,
  run: (context: ServiceContext) => HookResult,
): Service<Name> => {
  checkName(name)
  checkFunction(name, 'job', run)
  return hooked(name, { start: run, once: true })
}

/**
 * Any cold Observable as a service: subscribed is running, completed is ended, an error is a failure, and to stop it
 * is to unsubscribe.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * const clock = fromObservable('clock', interval(1000).pipe(tap(() => console.log('tick'))))
 * ```
 */
export const fromObservable = <const Name extends string>(
  name: Name,
  source$: ObservableInput<unknown>,
): Service<Name> => {
  checkName(name)
  const isFunction = typeof source$ === 'function' && !isInteropObservable(source$)
  if (isFunction || source$ === null || source$ === undefined || typeof source$ === 'number')
    refuse(name, `fromObservable() needs an Observable, got ${show(source$)}`)
  return hooked(name, { main: () => (source$ instanceof Observable ? source$ : from(source$)) })
}

const isService = (thing: object): thing is Service =>
  typeof (thing as Partial<Service>).lifecycle === 'function' && typeof (thing as Partial<Service>).name === 'string'

const nameOf = (thing: Startable): string => {
  if (typeof thing.name === 'string') return thing.name
  const className = thing.constructor?.name
  return className === 'Object' ? '' : (className ?? '')
}

/** Whatever may be added to a group, as a Service. */
export const toService = (thing: unknown): Service => {
  if (typeof thing === 'object' && thing !== null) {
    if (isService(thing)) {
      checkName(thing.name)
      return thing
    }
    const startable = thing as Startable
    if (typeof startable.start === 'function' && !isObservable(thing) && !isGrpcServer(thing)) {
      const name = checkName(nameOf(startable))
      return new HookedService(name, hooksOf(name, startable), true)
    }
  }
  throw new ServiceError('ERR_NOT_A_SERVICE', '', `not a service: ${whatInstead(thing)}`)
}

const HOOKS = namesOf<ServiceHooks>({ start: true, unready: true, drain: true, stop: true, force: true })

/** The hooks of an object, which may be an instance of a class: each is called as its method. */
const hooksOf = (name: string, given: ServiceHooks): ServiceHooks => {
  if (typeof given !== 'object' || given === null)
    refuse(
      name,
      `service() needs an object of hooks, got ${show(given)}; give { start, stop }, or a function to task()`,
    )
  const hooks: Record<string, unknown> = {}
  for (const hook of HOOKS) {
    const value = given[hook as keyof ServiceHooks]
    if (value === undefined) continue
    callable(name, hook, value)
    hooks[hook] = value.bind(given)
  }
  // An object may have methods and fields of its own, but none that is nearly called like a hook.
  for (const [key, value] of Object.entries(given)) {
    const hook = typeof value === 'function' && !HOOKS.includes(key) && closest(key, HOOKS, 1)
    if (hook) refuse(name, `unknown hook ${key}; did you mean ${hook}?`)
  }
  return hooks
}

const checkFunction = (name: string, kind: string, value: unknown): void => {
  if (typeof value !== 'function') refuse(name, `a ${kind} needs a function, got ${show(value)}`)
}

/** Names are shown in paths, so they can't be empty or hold a slash. */
export const checkName = <Name extends string>(name: Name): Name => {
  if (typeof name !== 'string' || name.trim() === '')
    throw new ServiceError(
      'ERR_INVALID_NAME',
      '',
      'a service needs a name: give a non-empty string; an object is named after its `name`, or its class',
    )
  if (name.includes('/'))
    throw new ServiceError('ERR_INVALID_NAME', name, `a name can't hold a slash, which separates paths: "${name}"`)
  return name
}
