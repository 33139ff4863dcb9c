// Loaded before a program. Whatever port it listens on is one that the system chooses, and is printed. And a client
// may keep its connection for a minute, as load balancers want to: Node's 5 seconds would hide who closes it.
import { Server } from 'node:net'

const { listen } = Server.prototype

Server.prototype.listen = function (first, ...rest) {
  if ('keepAliveTimeout' in this) this.keepAliveTimeout = 60_000
  const asked = Number(first?.port ?? first)
  if (Number.isNaN(asked)) return listen.call(this, first, ...rest)
  this.once('listening', () => console.log(`port ${asked} is ${this.address().port}`))
  return listen.call(this, typeof first === 'object' ? { ...first, port: 0 } : 0, ...rest)
}
