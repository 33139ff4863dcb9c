/**
 * The state that all copies of this library in a process have in common. Two copies meet when a bundle or a test runner
 * loads both builds, or when two packages bring two versions. Each copy has classes of its own, so such state is plain
 * data, or is used through public methods only.
 *
 * @param name a name with a number, which changes when copies of other versions could not use the state
 * @returns the state. The first call of any copy makes it.
 */
export const shared = <T extends object>(name: string, make: () => T): (() => T) => {
  const key = Symbol.for(`rx-service-group.${name}`)
  const everywhere = globalThis as { [key: symbol]: unknown }
  let known: T | undefined
  return () => {
    if (known) return known
    everywhere[key] ??= make()
    known = everywhere[key] as T
    return known
  }
}
