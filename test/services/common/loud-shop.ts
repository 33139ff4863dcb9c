/**
 * A shop whose only service writes without end, to standard output which nobody reads; what it has to tell the test
 * goes to standard error. Its first argument is what runs the writer, the second what that is, the third how it writes.
 */
import { type Service, serviceGroup } from 'rx-service-group'
import { childProcess } from 'rx-service-group/child-process'
import { worker } from 'rx-service-group/worker'

const [kind, writer = '', how = ''] = process.argv.slice(2)
const service: Service =
  kind === 'worker' ? worker('loud', writer, { argv: [how] }) : childProcess('loud', process.execPath, [writer, how])
const group = serviceGroup('shop').add(service, { stopTimeout: 8_000 })

const megabytes = (): number => process.memoryUsage.rss() / 1e6
await group.start()
const before = megabytes()
await new Promise(resolve => setTimeout(resolve, 1_500))
const grown = megabytes() - before
const begun = performance.now()
const { ok, errors } = await group.stop()
const took = performance.now() - begun
process.stderr.write(`${JSON.stringify({ grown, ok, took, errors, grownInAll: megabytes() - before })}\n`)
process.exit()
