/**
 * A flaky worker heals itself: it dies three times, waits longer each time, and runs again,
 * while the API beside it goes on answering.
 *
 *   node --import tsx demos/04-flaky-worker.ts
 *
 * `backoff` is a phase like any other: it tells the error, the next attempt and when it is due. The group's health is
 * `warn` until the worker is back. When it has been well for a second, the demo stops itself.
 */

import { run, service, serviceGroup, task } from 'rx-service-group'
import { log } from 'rx-service-group/log'
import { concat, ignoreElements, NEVER, type Observable, throwError, timer } from 'rxjs'

const lasting = (ms: number) => timer(ms).pipe(ignoreElements())
const dying = (message: string) => throwError(() => new Error(message))

/** The conduct of each incarnation. */
const lives: readonly (() => Observable<never>)[] = [
  () => concat(lasting(300), dying('the connection was lost')),
  () => dying('connection refused'),
  () => concat(lasting(300), dying('the connection was lost again')),
  () => {
    setTimeout(() => group.stop('the story is told'), 1_000)
    return NEVER
  },
]
let life = 0

const group = serviceGroup('shop')
  .add(service('api', {}))
  .add(
    task('worker', () => lives[life++]!()),
    { restart: { policy: 'permanent', initialDelay: 200, maxRestarts: 5, period: 60_000 } },
  )

log(group)
await run(group)
