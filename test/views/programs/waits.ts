/** A group on a terminal, one service of which is not well, in a process that only waits: see terminal-idle.test.ts. */
import { service, serviceGroup } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'

const group = serviceGroup('shop').add(
  service('db', {
    start: ({ setHealth }) => setHealth('warn', 'the last answer took 2.3 s, more than a person waits'),
  }),
)
terminal(group)
await group.start()
setInterval(() => {}, 600_000)
