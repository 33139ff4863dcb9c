/** An old version may lag this many changes behind before it gets a copy of its own. */
const SHORTEST_CHAIN = 1024

/**
 * A map whose every version stays as it was. A change costs one small object: the newest version holds the entries, and
 * older versions hold only what to undo. A chain is cut after about twice the size of the map, so that an old version
 * does not keep all later ones in memory.
 */
export class VersionedMap<V> {
  #entries: Map<string, V> | undefined
  #length: number
  #key = ''
  #old: V | undefined
  #next: VersionedMap<V> | undefined

  private constructor(entries: Map<string, V>, length: number) {
    this.#entries = entries
    this.#length = length
  }

  static of<V>(entries: Iterable<readonly [string, V]>): VersionedMap<V> {
    return new VersionedMap(new Map(entries), 0)
  }

  /** @param old the present value, if already looked up */
  set(key: string, value: V, old: V | undefined = this.get(key)): VersionedMap<V> {
    if (!this.#entries) return VersionedMap.of(this.toMap()).set(key, value, old)
    const entries = this.#entries
    const cut = this.#length >= Math.max(SHORTEST_CHAIN, 2 * entries.size)
    const next = new VersionedMap(entries, cut ? 0 : this.#length + 1)
    if (cut) this.#entries = new Map(entries)
    else {
      this.#entries = undefined
      this.#key = key
      this.#old = old
      this.#next = next
    }
    entries.set(key, value)
    return next
  }

  /** A copy without some of the entries. */
  without(isGone: (key: string) => boolean): VersionedMap<V> {
    return VersionedMap.of([...this.toMap()].filter(([key]) => !isGone(key)))
  }

  get(key: string): V | undefined {
    let version: VersionedMap<V> = this
    while (!version.#entries) {
      if (version.#key === key) return version.#old
      version = version.#next!
    }
    return version.#entries.get(key)
  }

  values(): readonly V[] {
    return [...(this.#entries ?? this.toMap()).values()]
  }

  /** A copy. Its cost grows with the size of the map. */
  toMap(): Map<string, V> {
    const undo: VersionedMap<V>[] = []
    let version: VersionedMap<V> = this
    while (!version.#entries) {
      undo.push(version)
      version = version.#next!
    }
    const copy = new Map(version.#entries)
    for (const { key, old } of undo.reverse().map(v => ({ key: v.#key, old: v.#old })))
      if (old === undefined) copy.delete(key)
      else copy.set(key, old)
    return copy
  }
}
