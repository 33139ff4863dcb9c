import type { HookCall, HookHost, ServiceContext } from './hook-call.ts'

/** The members that a hook may take out of its context: functions without `this`. */
type Functions = Omit<ServiceContext, 'signal' | 'reason'>

/** The members of one call's context. Most hooks read few of them, so functions are made when one is first read. */
class HookContext implements ServiceContext {
  readonly #call: HookCall
  readonly #host: HookHost
  #made: Functions | undefined

  constructor(call: HookCall, host: HookHost) {
    this.#call = call
    this.#host = host
  }

  get signal() {
    return this.#call.signal
  }
  get reason() {
    return this.#host.state.reason
  }
  get fail() {
    return this.#functions.fail
  }
  get setHealth() {
    return this.#functions.setHealth
  }
  get pending() {
    return this.#functions.pending
  }
  get info() {
    return this.#functions.info
  }
  get extend() {
    return this.#functions.extend
  }
  get heartbeat() {
    return this.#functions.heartbeat
  }

  get workFailed() {
    return this.#functions.workFailed
  }

  get #functions(): Functions {
    const host = this.#host
    this.#made ??= {
      fail: error => host.fail(error),
      setHealth: (health, detail) => host.state.setHealth(health, detail),
      pending: count => host.state.setPending(count),
      info: particulars => host.state.addInfo(particulars),
      extend: ms => host.extend(this.#call, ms),
      heartbeat: () => host.heartbeat(),
      workFailed: (what, error) => host.workFailed(what, error),
    }
    return this.#made
  }

  /** For `console.log(context)`, which does not ask a Proxy for its members. */
  [Symbol.for('nodejs.util.inspect.custom')](): ServiceContext {
    return { ...this }
  }
}

const MEMBERS = Object.getOwnPropertyNames(HookContext.prototype).filter(name => name !== 'constructor')

/**
 * Shows the getters of the class as members of each context, so that `{ ...context }` copies them. Getters defined on
 * each context would do the same, but cost more than all the rest of a hook call.
 */
const WITH_OWN_MEMBERS: ProxyHandler<HookContext> = {
  get: (context, key) => Reflect.get(context, key),
  ownKeys: () => MEMBERS,
  getOwnPropertyDescriptor: (context, key) =>
    MEMBERS.includes(key as string)
      ? { get: () => Reflect.get(context, key), enumerable: true, configurable: true }
      : undefined,
  getPrototypeOf: () => Object.prototype,
}

/** The context of a hook call. */
export const contextOf = (call: HookCall, host: HookHost): ServiceContext =>
  new Proxy(new HookContext(call, host), WITH_OWN_MEMBERS)
