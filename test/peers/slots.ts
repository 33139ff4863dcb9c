/** Only so many at a time. Gives a turn, which is over when it is called. */
export const slots = (count: number): (() => Promise<() => void>) => {
  const waiting: (() => void)[] = []
  let free = count
  return async () => {
    if (free > 0) free--
    else await new Promise<void>(resolve => waiting.push(resolve))
    let over = false
    return () => {
      if (over) return
      over = true
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
