/**
 * Subscribe to group health: a dependency goes bad and recovers, and the group says so, with the reason.
 *
 *   node --import tsx demos/03-group-health.ts
 *
 * `status$` tells every change; `health$` only what an operator would act on. When the story is told, it stops itself.
 */

import { run, service, serviceGroup } from 'rx-service-group'
import { concatMap, delay, from, of } from 'rxjs'

const moods = [
  ['pass', 'answers in 3 ms'],
  ['warn', 'answers in 900 ms'],
  ['fail', 'no answer'],
  ['pass', 'answers in 4 ms'],
] as const

const group = serviceGroup('shop')
  .add(
    service('db', {
      start: ({ setHealth }) => {
        const story$ = from(moods).pipe(concatMap(mood => of(mood).pipe(delay(700))))
        story$.subscribe({
          next: ([health, detail]) => setHealth(health, detail),
          complete: () => group.stop('the story is told'),
        })
      },
    }),
  )
  .add(service('api', {}))

group.health$.subscribe(({ health, ready, detail }) =>
  console.log(`${health}  ${ready ? 'ready    ' : 'not ready'}  ${detail ?? ''}`.trimEnd()),
)
await run(group)
