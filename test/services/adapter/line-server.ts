import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import {
  check,
  checkName,
  cutInfo,
  listen,
  listeningService,
  makeInFlight,
  messageOf,
  type UnderWay,
  whereaboutsOf,
} from 'rx-service-group/adapter'
import { tap } from 'rxjs'

/** A TCP server that answers each line with a line. */
export const lineServer = <const Name extends string>(
  name: Name,
  answer: (line: string) => string | Promise<string>,
  options: { readonly port?: number } = {},
) => {
  checkName(name)
  check.callable(name, 'answer', answer)
  check.known(name, options, ['port'])
  const { port = 0 } = options
  check.port(name, port)

  return listeningService(name, () => {
    const server = createServer()
    const closed = new Promise(resolve => server.once('close', resolve))
    const sockets = new Set<Socket>()
    const lines = makeInFlight<UnderWay>()
    const whereabouts = () => whereaboutsOf(server, 'tcp://')
    const letGo = () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
    return {
      whereabouts,
      letGo,
      hooks: {
        start: async ({ signal, info, fail, setHealth, workFailed }) => {
          server.on('connection', socket => {
            sockets.add(socket.on('error', () => {}).once('close', () => sockets.delete(socket)))
            createInterface(socket).on('line', async line => {
              const work = { what: line, since: performance.now() }
              lines.take(work)
              try {
                socket.write(`${await answer(line)}\n`)
                setHealth('pass')
              } catch (error) {
                socket.destroy()
                setHealth('warn', messageOf(error))
                workFailed(`line "${line}"`, error)
              } finally {
                lines.release(work)
              }
            })
          })
          await listen(name, server, { port, host: '127.0.0.1' }, signal)
          server.on('error', error => {
            letGo()
            fail(error)
          })
          info(whereabouts())
        },
        drain: ({ pending }) => {
          server.close()
          return lines.untilEmpty$().pipe(tap(pending))
        },
        stop: async ({ info }) => {
          if (lines.size > 0) info(cutInfo(lines.all()))
          server.close()
          for (const socket of sockets) socket.destroySoon()
          await closed
        },
        force: letGo,
      },
    }
  })
}
