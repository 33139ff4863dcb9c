import { VirtualAction, VirtualTimeScheduler } from 'rxjs'
import type { Clock } from '../core/clock.ts'
import { duration } from '../core/options.ts'

/** A clock that stands still until the test moves it. It starts at 0. */
export interface VirtualTime extends Clock {
  /**
   * Moves the clock by some milliseconds. Timers fire in the order in which they are due. After each timer all promise
   * callbacks run before the next timer fires.
   *
   * @throws (as a rejection) ServiceError `ERR_INVALID_DURATION`; RangeError while another `advance` runs; the
   * error of a timer
   */
  advance(ms: number): Promise<void>
  /** Runs all promise callbacks that are due, without moving the clock. */
  settle(): Promise<void>
  /** How many timers wait. 0 when no timer was left behind. */
  readonly timers: number
}

/**
 * Virtual time for promises: the `clock` of a group. For hooks that return Observables, RxJS' `TestScheduler` will do;
 * promises never settle in its time. Virtual time does not wait for the outside world, such as a socket.
 *
 * @example
 * ```ts
 * const time = virtualTime()
 * const group = serviceGroup('shop', { clock: time })
 *   .add(fakeService('db', { start: 30, stop: 'hangs', clock: time }), { stopTimeout: 500 })
 * const started = group.start()
 * await time.advance(30)
 * await started
 * const stopped = group.stop()
 * await time.advance(1_500)
 * console.log((await stopped).services[0].outcome) // abandoned
 * ```
 */
export const virtualTime = (): VirtualTime => {
  const scheduler = new VirtualTimeScheduler(VirtualAction)
  let advancing = false

  const fireUntil = async (end: number): Promise<void> => {
    await promisesSettle()
    for (let next = scheduler.actions[0]; next && next.delay <= end; next = scheduler.actions[0]) {
      scheduler.actions.shift()
      scheduler.frame = next.delay
      const error: unknown = next.execute(next.state, next.delay)
      if (error) throw error
      await promisesSettle()
    }
    scheduler.frame = end
  }

  return {
    now: () => scheduler.now(),
    schedule: scheduler.schedule.bind(scheduler),
    async advance(ms) {
      const end = scheduler.frame + duration({ kind: 'virtualTime', name: '' }, 'advance', ms, 0)
      if (advancing) throw new RangeError('virtual time is being advanced already: await one advance before the next')
      advancing = true
      try {
        await fireUntil(end)
      } finally {
        advancing = false
      }
    },
    settle: promisesSettle,
    get timers() {
      return scheduler.actions.length
    },
  }
}

/** One turn of the event loop: all promise callbacks, and those they cause, run before a message is delivered. */
const promisesSettle = (): Promise<void> =>
  new Promise(resolve => {
    const { port1, port2 } = new MessageChannel()
    // Node's types leave out what its ports have in common with the browsers'.
    const receiver = port1 as unknown as { onmessage: () => void }
    receiver.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
