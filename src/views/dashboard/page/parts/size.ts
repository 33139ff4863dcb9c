import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'

/** How wide an element is, in whole pixels; pictures are drawn as wide as there is room. */
export const useWidth = (element: RefObject<HTMLElement | null>, first = 800): number => {
  const [width, setWidth] = useState(first)
  useLayoutEffect(() => {
    const target = element.current
    if (!target) return
    const measure = (): void => setWidth(Math.max(240, Math.floor(target.clientWidth)))
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(target)
    return () => observer.disconnect()
  }, [element])
  return width
}

/** SVG does not cut text: as much of it as has room, at about so many pixels a character. */
export const cut = (text: string, room: number, character = 6.7): string => {
  const most = Math.floor(room / character)
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`
}
