/** How often it is looked whether gathered events can be sent, in milliseconds. */
const LOOK = 20
/** So many events between two looks are a flood: 250 a second. */
const FLOOD = 5
/** A flood lasts once it was seen at so many looks in a row: for a second. */
const LASTING = 50
/** An event waits for so many looks at most, so that it is seen within 50 ms. */
const FEW = 2
/** The same in a flood that lasts, where fewer messages cost less. */
const MANY = 5

/** Decides when events are sent: at once after a pause, and gathered while more come. */
export interface Pace {
  /** An event has come that is to be sent. */
  came(): void
  /** All that has come was sent. */
  sent(): void
  /** Forgets all, and has no timer any more. */
  rest(): void
}

/**
 * @param waiting how many events have come and were not sent
 * @param send sends them all, and then calls `sent()`
 */
export const newPace = (waiting: () => number, send: () => void): Pace => {
  let soon: NodeJS.Immediate | undefined
  /** It serves only who watches, and they keep the event loop alive by their connections. */
  let timer: NodeJS.Timeout | undefined
  /** Looks since events were sent, and how many waited at the last of them. */
  let looks = 0
  let seen = 0
  /** Looks in a row that saw a flood. */
  let flood = 0

  const arm = (): void => {
    timer ??= setTimeout(look, LOOK).unref()
  }
  const look = (): void => {
    timer = undefined
    const count = waiting()
    flood = count - seen >= FLOOD ? flood + 1 : 0
    seen = count
    looks++
    if (count === 0) return
    if (flood === 0 || looks >= (flood > LASTING ? MANY : FEW)) send()
    else arm()
  }
  const atOnce = (): void => {
    soon = undefined
    send()
  }
  const clear = (): void => {
    clearImmediate(soon)
    soon = undefined
    looks = seen = 0
  }
  return {
    came: () => {
      // All messages of this very turn are sent together. An immediate that is unref'd would not wake an idle event
      // loop.
      if (!timer) soon ??= setImmediate(atOnce)
    },
    sent: () => {
      clear()
      arm()
    },
    rest: () => {
      clear()
      clearTimeout(timer)
      timer = undefined
      flood = 0
    },
  }
}
