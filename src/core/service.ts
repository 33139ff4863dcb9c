import { from, isObservable, Observable, type ObservableInput } from 'rxjs'
import { peek } from './foreign.ts'
import type { ServiceContext } from './hooks/hook-call.ts'
import type { Hooks } from './hooks/hook-calls.ts'
import type { HookResult } from './hooks/hook-result.ts'
import { HookedIncarnation } from './hooks/hooked-incarnation.ts'
import { isGrpcServer, isInteropObservable, whatInstead } from './hooks/instead.ts'
import { callable, closest, namesOf, refusal, refuse, show } from './options.ts'
import type { ServiceState } from './state.ts'
import type { Shutdown } from './steps.ts'

/**
 * A service is a named cold Observable of lifecycle states. A subscription starts it, and `shutdown$` carries the steps
 * of its shutdown. It completes when the service is gone, and errors when the service has failed and is gone.
 */
export interface Service<Name extends string = string> {
  readonly name: Name
  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState>
}

/**
 * The functions that a service can be made from. Each may return a promise, an Observable or nothing. A hook that
 * throws or rejects fails with `ERR_START_FAILED`, `ERR_UNREADY_FAILED`, `ERR_DRAIN_FAILED` or `ERR_STOP_FAILED`.
 */
export interface ServiceHooks {
  /** Settles when the service is ready. Its error is the failure of the service. */
  readonly start?: (context: ServiceContext) => HookResult
  /** Serves on, and tells clients that the service leaves. The shutdown does not wait for it. */
  readonly unready?: (context: ServiceContext) => HookResult
  /** Takes no new work from outside; settles when the work that is held is finished. */
  readonly drain?: (context: ServiceContext) => HookResult
  /** Ends gracefully; settles when the service is gone. */
  readonly stop?: (context: ServiceContext) => HookResult
  /** Releases everything now, so that a stop under way can settle. Its failure is an `ERR_STOP_FAILED` too. */
  readonly force?: (context: ServiceContext) => HookResult
}

/** An object or class instance that can be added to a group. It is named after its `name`, or its class. */
export interface Startable {
  readonly name?: string
  start(context: ServiceContext): HookResult
  unready?(context: ServiceContext): HookResult
  drain?(context: ServiceContext): HookResult
  stop?(context: ServiceContext): HookResult
  force?(context: ServiceContext): HookResult
}

/** The key of a property that only services made from hooks have, those of other copies of this library too. */
const MAY_BLOCK = Symbol.for('rx-service-group.mayBlock')

class HookedService<Name extends string> implements Service<Name> {
  readonly name: Name
  readonly lifecycle: Service['lifecycle']
  readonly #mayBlock: boolean

  constructor(name: Name, hooks: Hooks, mayBlock: boolean) {
    this.name = checkName(name)
    this.lifecycle = shutdown$ => new Observable(out => new HookedIncarnation(name, hooks, shutdown$, out))
    this.#mayBlock = mayBlock
  }

  /** A getter of the class, so that an object made from a service's properties does not have it. */
  get [MAY_BLOCK](): boolean {
    return this.#mayBlock
  }
}

/**
 * A service from any set of hooks, also such as `service()` and `task()` do not offer: a long-running `main` after a
 * `start`, with a `drain`. The service has ended when its `main` has settled; at *stop* the signal of `main` aborts.
 * Nothing is checked: that is done by whoever makes the set. A `stop` beside a `main`, or `once` beside one, makes no
 * sense.
 *
 * @example
 * ```ts
 * let taking = true
 * const poller = hooked('poller', {
 *   start: () => console.log('connected'),
 *   main: async ({ signal }) => {
 *     while (!signal.aborted) await new Promise(resolve => setTimeout(resolve, taking ? 10 : 100))
 *   },
 *   drain: () => void (taking = false),
 * })
 * ```
 */
export const hooked = <Name extends string>(name: Name, hooks: Hooks): Service<Name> =>
  new HookedService(name, hooks, false)

/** Whether a service was made from hooks, and thus says only legal states. */
export const isHooked = (service: Service): boolean => peek(service, MAY_BLOCK) !== undefined

/** Whether the start of a service is the user's own function. A start that never settles may be meant as a task. */
export const mayBlock = (service: Service): boolean => peek(service, MAY_BLOCK) === true

/**
 * A service from functions, or from an object with such methods. It is running when `start` has settled, and gone when
 * `stop` has settled.
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
 * A service from one long-running function (go-zero's blocking `Start`). It is running at once, and has ended when the
 * function has settled. The signal aborts at *stop*; an Observable that the function returns is unsubscribed then.
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
 * A service from one function that runs once, such as a migration. It is starting until the function has settled, and
 * then has ended. Services that depend on it start after that. `startTimeout` limits how long it may run.
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
 * A service from a cold Observable. It is running while subscribed, has ended when the Observable completes, and has
 * failed when it errors. *stop* unsubscribes.
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
  return hooked(name, { main: () => (isObservable(source$) ? source$ : from(source$)) })
}

const isService = (thing: object): thing is Service =>
  typeof (thing as Partial<Service>).lifecycle === 'function' && typeof (thing as Partial<Service>).name === 'string'

const nameOf = (thing: Startable): string => {
  if (typeof thing.name === 'string') return thing.name
  const className = thing.constructor?.name
  return className === 'Object' ? '' : (className ?? '')
}

/**
 * The Service for a value that is added to a group: the value itself, or a service made from its methods.
 *
 * @throws ServiceError `ERR_NOT_A_SERVICE`, `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`
 */
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
  throw refusal('', `must be a Service, got ${whatInstead(thing)}`, 'ERR_NOT_A_SERVICE')
}

const HOOKS = namesOf<ServiceHooks>({ start: true, unready: true, drain: true, stop: true, force: true })

/** The hooks of an object, each called as its method: the object may be an instance of a class. */
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
  // An object may have other methods, but a name that is nearly that of a hook is a slip.
  for (const [key, value] of Object.entries(given)) {
    const hook = typeof value === 'function' && !HOOKS.includes(key) && closest(key, HOOKS, 1)
    if (hook) refuse(name, `unknown hook ${key}; did you mean ${hook}?`)
  }
  return hooks
}

/** How a service comes to its name. */
const NAMING = 'give it a `name`; an object without one is named after its class'

const checkFunction = (name: string, kind: string, value: unknown): void => {
  if (typeof value !== 'function') refuse(name, `a ${kind} needs a function, got ${show(value)}`)
}

/**
 * Returns a name that can be part of a path: not empty, without a slash.
 *
 * @throws ServiceError `ERR_INVALID_NAME`
 * @example
 * ```ts
 * console.log(checkName('mails')) // mails
 * ```
 */
export const checkName = <Name extends string>(name: Name): Name => {
  if (typeof name !== 'string' || name.trim() === '')
    refuse('', `name must be a string that is not empty, got ${show(name)}; ${NAMING}`, 'ERR_INVALID_NAME')
  if (name.includes('/'))
    refuse(name, 'name must not contain a slash, which separates paths; use another character', 'ERR_INVALID_NAME')
  return name
}
