import type { RefObject, TargetedKeyboardEvent } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

type Row = HTMLElement | SVGElement

type Direction = 'up' | 'down' | 'left' | 'right' | 'first' | 'last'

const KEYS: Readonly<Record<string, Direction>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  Home: 'first',
  End: 'last',
}

/** Which row comes next in a direction. */
type Way = (rows: readonly Row[], from: Row, direction: Direction) => Row | undefined

/** Rows one below the other. */
export const inList: Way = (rows, from, direction) => {
  if (direction === 'first') return rows[0]
  if (direction === 'last') return rows.at(-1)
  const step = direction === 'up' ? -1 : direction === 'down' ? 1 : 0
  return step === 0 ? undefined : rows[rows.indexOf(from) + step]
}

/** Boxes in a plane: the nearest that lies in the direction, rather straight ahead than aside. */
export const inPlane: Way = (rows, from, direction) => {
  if (direction === 'first') return rows[0]
  if (direction === 'last') return rows.at(-1)
  const center = (row: Row): readonly [x: number, y: number] => {
    const { left, right, top, bottom } = row.getBoundingClientRect()
    return [(left + right) / 2, (top + bottom) / 2]
  }
  const [x0, y0] = center(from)
  const isAcross = direction === 'left' || direction === 'right'
  const sign = direction === 'left' || direction === 'up' ? -1 : 1
  let nearest: Row | undefined
  let least = Infinity
  for (const row of rows) {
    const [x, y] = center(row)
    const [ahead, aside] = isAcross ? [(x - x0) * sign, y - y0] : [(y - y0) * sign, x - x0]
    const distance = ahead + 2 * Math.abs(aside)
    if (row === from || ahead < 1 || distance >= least) continue
    least = distance
    nearest = row
  }
  return nearest
}

export interface Roving<T extends Element> {
  readonly ref: RefObject<T | null>
  readonly onKeyDown: (event: TargetedKeyboardEvent<T>) => void
  readonly onFocusIn: (event: FocusEvent) => void
}

/**
 * One stop of the Tab key for many rows: the arrows move between them, Enter and the space bar press one. Each row has
 * `tabIndex={-1}`; the one that Tab stops at is kept here, so that no row is drawn anew for it.
 */
export const useRoving = <T extends Element>(selector: string, way: Way = inList): Roving<T> => {
  const ref = useRef<T>(null)
  const stop = useRef<Row | undefined>(undefined)
  const stopAt = (row: Row | undefined): void => {
    if (stop.current) stop.current.tabIndex = -1
    if (row) row.tabIndex = 0
    stop.current = row
  }
  useEffect(() => {
    if (stop.current?.isConnected && ref.current?.contains(stop.current)) return
    stopAt(ref.current?.querySelector<Row>(selector) ?? undefined)
  })
  return {
    ref,
    onFocusIn: ({ target }) => {
      const row = (target as Element).closest<Row>(selector)
      if (row && row !== stop.current) stopAt(row)
    },
    onKeyDown: event => {
      const row = (event.target as Element).closest<Row>(selector)
      if (!row || event.altKey || event.ctrlKey || event.metaKey) return
      if ((event.key === 'Enter' || event.key === ' ') && !(row instanceof HTMLButtonElement)) {
        event.preventDefault()
        row.dispatchEvent(new MouseEvent('click', { bubbles: true }))
        return
      }
      const direction = KEYS[event.key]
      const next = direction && way([...event.currentTarget.querySelectorAll<Row>(selector)], row, direction)
      if (!next) return
      event.preventDefault()
      next.focus()
      next.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    },
  }
}
