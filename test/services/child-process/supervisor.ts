/*
 * A process that runs three child processes and a thread, and tells all their pids. `MODE=exit`: it leaves without a
 * word to anybody, once all is up. `MODE=bare`: nobody heeds signals.
 */
import { run, serviceGroup } from 'rx-service-group'
import { childProcess } from 'rx-service-group/child-process'
import { log } from 'rx-service-group/log'
import { worker } from 'rx-service-group/worker'

const nested = 'trap "echo interrupted" INT; echo outer=$$; (trap "" HUP; sleep 60) & echo inner=$!; echo up; wait'
// Ends with its standard input, as bundlers and language servers do.
const attentive = 'echo attentive=$$; echo up; cat; echo the other one is gone'
// Ends when its channel is closed.
const connected = `
  process.once('disconnect', () => process.exit())
  console.log('connected=' + process.pid)
  process.send('ready')`

const group = serviceGroup('shop')
  .add(childProcess('nested', 'sh', ['-c', nested], { ready: /up/ }))
  .add(childProcess('attentive', 'sh', ['-c', attentive], { ready: /up/ }))
  .add(childProcess('connected', process.execPath, ['-e', connected], { ready: 'message' }))
  .add(
    worker('thread', new URL('data:text/javascript,console.log("up");console.error("up too");setInterval(()=>{},1e3)')),
  )
log(group)
if (process.env['MODE'] === 'exit')
  group.health$.subscribe(({ ready }) => {
    if (ready) setTimeout(() => process.exit(7), 200)
  })
if (process.env['MODE'] === 'bare') await group.start()
else await run(group)
