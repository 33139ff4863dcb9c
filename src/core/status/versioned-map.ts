/** An old version may lag this many changes behind before it gets a copy of its own. */
const SHORTEST_CHAIN = 1024

/**
 * A map whose every version stays as it was. A change costs one small object: the newest version holds the entries, and
 * older versions hold only what to undo. A chain is cut after about twice the size of the map, so that an old version
 * does not keep all later ones in memory.
 */
export class VersionedMap<V> {
  /** A removed entry keeps its place, as `undefined`, so that older versions keep their order. */
  #entries: Map<string, V | undefined> | undefined
  #length: number
  /** How many entries were removed. */
  readonly #removed: number
  #key = ''
  #old: V | undefined
  #next: VersionedMap<V> | undefined

  private constructor(entries: Map<string, V | undefined>, length: number, removed = 0) {
    this.#entries = entries
    this.#length = length
    this.#removed = removed
  }

  static of<V>(entries: Iterable<readonly [string, V]>): VersionedMap<V> {
    return new VersionedMap(new Map(entries), 0)
  }

  /** @param old the present value, if already looked up */
  set(key: string, value: V, old: V | undefined = this.get(key)): VersionedMap<V> {
    const entries = this.#entries
    // An entry that was removed comes last when it is set again.
    if (!entries || (old === undefined && this.#removed > 0 && entries.has(key)))
      return VersionedMap.of(this.toMap()).set(key, value, old)
    return this.#change(entries, key, value, old, this.#removed)
  }

  /** The same without an entry. */
  without(key: string): VersionedMap<V> {
    const entries = this.#entries
    const old = this.get(key)
    if (old === undefined) return this
    if (!entries || this.#removed > Math.max(SHORTEST_CHAIN, entries.size / 2)) {
      const copy = this.toMap()
      copy.delete(key)
      return VersionedMap.of(copy)
    }
    return this.#change(entries, key, undefined, old, this.#removed + 1)
  }

  #change(
    entries: Map<string, V | undefined>,
    key: string,
    value: V | undefined,
    old: V | undefined,
    removed: number,
  ): VersionedMap<V> {
    const isCut = this.#length >= Math.max(SHORTEST_CHAIN, 2 * entries.size)
    const next = new VersionedMap<V>(entries, isCut ? 0 : this.#length + 1, removed)
    if (isCut) this.#entries = new Map(entries)
    else {
      this.#entries = undefined
      this.#key = key
      this.#old = old
      this.#next = next
    }
    entries.set(key, value)
    return next
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
    if (!this.#entries) return [...this.toMap().values()]
    const values = [...this.#entries.values()]
    return (this.#removed > 0 ? values.filter(value => value !== undefined) : values) as readonly V[]
  }

  /** All keys, and those of removed entries. */
  keys(): readonly string[] {
    return [...(this.#entries ?? this.toMap()).keys()]
  }

  /** A copy. Its cost grows with the size of the map. */
  toMap(): Map<string, V> {
    const undo: VersionedMap<V>[] = []
    let version: VersionedMap<V> = this
    while (!version.#entries) {
      undo.push(version)
      version = version.#next!
    }
    const copy: Map<string, V | undefined> = new Map(version.#entries)
    for (const { key, old } of undo.reverse().map(v => ({ key: v.#key, old: v.#old })))
      if (old === undefined) copy.delete(key)
      else copy.set(key, old)
    for (const [key, value] of copy) if (value === undefined) copy.delete(key)
    return copy as Map<string, V>
  }
}
