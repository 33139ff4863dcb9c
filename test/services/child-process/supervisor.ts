/*
 * A process that runs two child processes and a thread. `inner=` and `outer=` are the pids of what the first one has
 * spawned and of itself. `MODE=exit`: it leaves without a word to anybody, once all is up.
 */
import { run, serviceGroup } from 'rx-service-group'
import { childProcess } from 'rx-service-group/child-process'
import { log } from 'rx-service-group/log'
import { worker } from 'rx-service-group/worker'

const nested = 'echo outer=$$; (trap "" HUP; sleep 60) & echo inner=$!; echo up; wait'
// Ends with its standard input, as bundlers and language servers do.
const attentive = 'echo attentive=$$; echo up; cat; echo the other one is gone'

const group = serviceGroup('shop')
  .add(childProcess('nested', 'sh', ['-c', nested], { ready: /up/ }))
  .add(childProcess('attentive', 'sh', ['-c', attentive], { ready: /up/ }))
  .add(
    worker('thread', new URL('data:text/javascript,console.log("up");console.error("up too");setInterval(()=>{},1e3)')),
  )
log(group)
if (process.env['MODE'] === 'exit')
  group.health$.subscribe(({ ready }) => {
    if (ready) setTimeout(() => process.exit(7), 200)
  })
await run(group)
