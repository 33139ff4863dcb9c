/**
 * What the platform offers beyond JavaScript. An import would keep the core out of browsers: this finds a module without
 * one, where there is one. Node, Bun and Deno have these modules.
 */
interface Builtins {
  readonly 'node:util': { inspect(value: unknown, options: object): string }
  readonly 'node:diagnostics_channel': { channel(name: string): Channel }
}

export interface Channel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

interface Platform {
  readonly process?: { getBuiltinModule?(name: string): unknown }
}

/** A module of the platform; `undefined` where there is none. */
export const builtin = <Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined =>
  (globalThis as Platform).process?.getBuiltinModule?.(name) as Builtins[Name] | undefined
