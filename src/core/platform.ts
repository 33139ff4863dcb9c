interface Platform {
  readonly process?: { getBuiltinModule?(id: string): unknown }
}

/** A module of Node, without an import, which would keep the core out of browsers: only where there is one. */
export const builtinModule = <T>(id: string): T | undefined =>
  (globalThis as Platform).process?.getBuiltinModule?.(id) as T | undefined
