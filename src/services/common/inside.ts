import { currentWork, enter } from '../../core/work.ts'

/** Runs code as a piece of work of a service. `isOpen`: the service still waits for the end of this piece. */
export type Inside = <T>(isOpen: () => boolean, code: () => T) => T

/**
 * For code that a service runs outside its hooks, such as the handler of a request. A handler that awaits the end of
 * its own service, for example by `await group.stop()`, is then answered at once, instead of both waiting for ever.
 * Call it in a hook or in `lifecycle`, where the service is known.
 *
 * @example
 * ```ts
 * const requests = new Set<string>()
 * const api = service('api', {
 *   start: () => {
 *     const inside = makeInside()
 *     const handle = (request: string) => inside(() => requests.has(request), () => console.log(request))
 *     handle('GET /') // later, for each request
 *   },
 * })
 * ```
 */
export const makeInside = (): Inside => {
  const within = currentWork()
  return within ? (isOpen, code) => enter({ within, exact: true, isOpen }, code) : (_, code) => code()
}
