import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'

/** In pixels: so far outside the view that it is drawn before somebody gets there. */
const MARGIN = 400

const watched = new Map<Element, (isNear: boolean) => void>()

let observer: IntersectionObserver | undefined

const newObserver = (): IntersectionObserver => {
  const observer = new IntersectionObserver(
    entries => {
      for (const { target, isIntersecting } of entries) watched.get(target)?.(isIntersecting)
    },
    { rootMargin: `${MARGIN}px 0px` },
  )
  // On paper everything is in view.
  addEventListener('beforeprint', () => {
    for (const tell of watched.values()) tell(true)
  })
  addEventListener('afterprint', () => {
    for (const element of watched.keys()) {
      // An element that is observed anew is told its state.
      observer.unobserve(element)
      observer.observe(element)
    }
  })
  return observer
}

/** Whether an element is in view or close to it: a part of a long picture that is not need not be drawn. */
export const useIsNear = (element: RefObject<Element | null>): boolean => {
  const [isNear, setIsNear] = useState(false)
  useLayoutEffect(() => {
    const target = element.current
    if (!target) return
    watched.set(target, setIsNear)
    observer ??= newObserver()
    observer.observe(target)
    return () => {
      observer?.unobserve(target)
      watched.delete(target)
    }
  }, [element])
  return isNear
}
