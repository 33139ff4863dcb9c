interface Platform {
  readonly process?: { getBuiltinModule?(id: string): unknown }
}

/** A module of Node, if the platform has it. An import would keep the core out of browsers. */
export const builtinModule = <T>(id: string): T | undefined =>
  (globalThis as Platform).process?.getBuiltinModule?.(id) as T | undefined
