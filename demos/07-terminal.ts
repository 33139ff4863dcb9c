/**
 * A group on a terminal: a line for each service while it starts, one line once all is up, then only what is not well.
 *
 *   node --import tsx demos/07-terminal.ts        (needs log-update and string-width; in a pipe it prints plain lines)
 *
 * The index takes its time, and the mailer loses its connection a second later and is restarted. Choose a service with
 * the arrow keys to stop, start or restart it. Press Ctrl-C and watch two orders being finished; press it again to
 * force.
 */
import { job, run, type ServiceContext, service, serviceGroup, task } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'
import { concat, NEVER, throwError, timer } from 'rxjs'

let connections = 0
const connect = () => {
  connections++
  return connections === 1
    ? concat(
        timer(3_000),
        throwError(() => new Error('the connection was lost')),
      )
    : NEVER
}
const finish = ({ pending }: ServiceContext) => {
  pending(2)
  return timer(2_000)
}

const group = serviceGroup('shop')
  .add(service('db', { start: () => timer(300), stop: () => timer(300) }))
  .add(
    job('index', () => timer(1_500)),
    { dependsOn: ['db'] },
  )
  .add(
    serviceGroup('workers')
      .add(service('orders', { drain: finish }))
      .add(task('mailer', connect), { restart: { policy: 'permanent', initialDelay: 1_000 } }),
    { dependsOn: ['db'] },
  )
  .add(service('api', { start: () => timer(200) }), { dependsOn: ['index', 'workers'] })

terminal(group, { keys: true })
await run(group)
