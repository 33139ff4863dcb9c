import { Writable } from 'node:stream'
import bunyan from 'bunyan'
import pino from 'pino'
import { serviceGroup, task } from 'rx-service-group'
import { log } from 'rx-service-group/log'
import winston from 'winston'

/** Where a logger writes: each entry as it would stand in a file. */
const lines = []
const stream = new Writable({
  write: (chunk, _, done) => {
    lines.push(...String(chunk).trim().split('\n'))
    done()
  },
})
const transport = new winston.transports.Stream({ stream })
const format = winston.format.json()
const loggers = {
  pino: pino(stream),
  'a child of pino': pino(stream).child({ app: 'shop' }),
  winston: winston.createLogger({ format, transports: [transport] }),
  'a child of winston': winston.createLogger({ format, transports: [transport] }).child({ app: 'shop' }),
  bunyan: bunyan.createLogger({ name: 'shop', stream }),
  'a child of bunyan': bunyan.createLogger({ name: 'shop', stream }).child({ app: 'shop' }),
}
const told = {}
for (const [name, to] of Object.entries(loggers)) {
  const group = serviceGroup('shop').add(
    task('worker', ({ workFailed }) => {
      workFailed('message 7', new Error('no stock'))
      throw new Error('boom')
    }),
  )
  log(group, { to })
  await group.start().catch(() => {})
  await new Promise(setImmediate)
  told[name] = lines.splice(0).map(line => JSON.parse(line))
}
console.log(JSON.stringify(told))
