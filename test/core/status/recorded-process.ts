/** Records a group into a file and is killed in the middle of a line. */
import { appendFileSync } from 'node:fs'
import { recordEvents, service, serviceGroup } from 'rx-service-group'

const file = process.argv[2]!
const group = serviceGroup('shop')
  .add(service('db', { start: ({ info }) => info({ port: 5432 }) }))
  .add(service('api', { start: ({ setHealth }) => setHealth('warn', 'slow') }), { dependsOn: ['db'] })
recordEvents(group).subscribe(line => {
  const api = group.status.service('shop/api')
  if (group.status.phase !== 'stopping' || api?.state.phase !== 'stopped') return appendFileSync(file, `${line}\n`)
  appendFileSync(file, line.slice(0, line.length / 2))
  process.kill(process.pid, 'SIGKILL')
})
await group.start()
void group.stop()
setInterval(() => {}, 1000)
