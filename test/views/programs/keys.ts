/**
 * A group on a terminal that can be acted on by keys: see terminal-keys.test.ts. Its arguments tell what is special.
 * The surprises come when somebody stops the service `trigger`.
 */
import { once } from 'node:events'
import { run, service, serviceGroup, task } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'

const story = new Set(process.argv.slice(2))

const named = (name: string) =>
  service(name, {
    start: () => console.log(`${name} starts`),
    stop: ({ reason }) => console.log(`${name} stops${reason && 'message' in reason ? `: ${reason.message}` : ''}`),
  })
const surprise = (): void => {
  if (story.has('exits')) process.exit(3)
  if (story.has('unsubscribes')) {
    view.unsubscribe()
    console.log('on its own again')
    process.stdin.once('data', data => {
      console.log(`typed: ${data}`)
      process.stdin.pause()
    })
  }
  if (story.has('throws'))
    setImmediate(() => {
      throw new Error('thrown')
    })
}
const group = serviceGroup('shop')
  .add(service('db', {}))
  .add(serviceGroup('workers').add(named('orders')).add(named('mailer')))
  .add(service('trigger', { stop: surprise }))
if (story.has('slow')) group.add(service('slow', { drain: () => new Promise(resolve => setTimeout(resolve, 60_000)) }))
if (story.has('prints'))
  group.add(
    task('printer', async ({ signal }) => {
      for (let i = 1; i <= 30; i++) console.log(`line ${i}, ${i % 10 === 0 ? 'Tenth' : 'plain'}`)
      await once(signal, 'abort')
    }),
  )

group.events$.subscribe(event => {
  if (event.kind === 'request')
    console.log(`${event.by} asks to ${event.action} ${event.path}: ${event.outcome} ${event.reason ?? ''}`)
})

const view = terminal(group, { keys: !story.has('off'), logs: story.has('logs') })
if (story.has('lasts')) setInterval(() => {}, 600_000)
if (story.has('bare')) await group.start()
else await run(group)
