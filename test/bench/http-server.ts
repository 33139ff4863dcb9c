// A server of one kind: tells its parent its port, and whenever asked the CPU time it has used, in microseconds.
import { contenders } from './http-contenders.ts'

const port = await contenders[process.argv[2]!]!((_, response) => void response.end('hello'))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!(user + system)
})
process.on('disconnect', () => process.exit())
process.send!(port)
