/** A browser may refuse to keep anything for a page. Then it is kept as long as the page is open. */
const kept = new Map<string, string>()

/** The storage that a browser gives a page. */
interface Shelf {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

declare const sessionStorage: Shelf
declare const localStorage: Shelf

export interface Keep {
  get(key: string): string | undefined
  set(key: string, value: string): void
  delete(key: string): void
}

/** @param storage asked each time, since asking alone may throw */
const keepIn = (storage: () => Shelf): Keep => ({
  get: key => {
    try {
      return storage().getItem(key) ?? undefined
    } catch {
      return kept.get(key)
    }
  },
  set: (key, value) => {
    kept.set(key, value)
    try {
      storage().setItem(key, value)
    } catch {
      // Refused, or full.
    }
  },
  delete: key => {
    kept.delete(key)
    try {
      storage().removeItem(key)
    } catch {
      // Refused.
    }
  },
})

/** Until the tab is closed. */
export const forTheTab: Keep = keepIn(() => sessionStorage)

/** For good. */
export const forGood: Keep = keepIn(() => localStorage)
