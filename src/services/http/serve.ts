import { ServiceError } from '../../core/errors.ts'
import type { ServiceContext } from '../../core/hook-call.ts'
import type { ServiceHooks } from '../../core/service.ts'
import { closeListener, closeNow } from './close-listener.ts'
import { isUnderWay, isUpgraded, trackConnections } from './connections.ts'
import { type Leaving, sayClose } from './leaving.ts'
import { listen, whereabouts } from './listen.ts'
import { routesOf } from './routes.ts'
import type { Incarnation } from './target.ts'
import { windDown } from './wind-down.ts'

/** One life of an http service. `letGo` takes all that is ours off the server, whatever has happened before. */
export const serve = (
  name: string,
  { server, place, ours }: Incarnation,
): { readonly hooks: ServiceHooks; readonly letGo: () => void } => {
  const connections = trackConnections(server)
  const undo = [connections.untrack]
  let opening = false
  let leaving = false
  let goodbye: Leaving | undefined
  let drained: Promise<void> | undefined
  let fail: ServiceContext['fail'] = () => {}

  const die = (error: unknown) => {
    letGo()
    fail(error)
  }
  // Emitted once the listener is closed and the last connection gone.
  const gone = new Promise<void>(resolve => {
    const onClose = () => {
      resolve()
      if (!leaving)
        die(new ServiceError('ERR_SERVICE_FAILED', name, `service "${name}" failed: someone else closed its server`))
    }
    server.on('close', onClose)
    undo.push(() => server.off('close', onClose))
  })

  const cut = ({ info }: ServiceContext) => {
    leaving = true
    const lost = [...connections.open.values()].filter(
      connection => !connection.socket.destroyed && (isUnderWay(connection) || isUpgraded(connection)),
    )
    if (lost.length > 0) info({ cut: lost.length, cutRequests: routesOf(lost) })
    closeNow(server)
    connections.destroyAll()
  }
  const letGo = () => {
    leaving = true
    // A host name that is still being looked up can't be called back.
    if (opening && !server.listening) server.once('listening', () => closeNow(server))
    closeNow(server)
    connections.destroyAll()
    for (const step of undo.splice(0).reverse()) step()
  }
  const windUp = async ({ pending }: ServiceContext) => {
    leaving = true
    const end = windDown(connections, pending)
    undo.push(end)
    const release = goodbye!.hold()
    await closeListener(server, ours)
    release()
    await gone
    end()
  }

  return {
    letGo,
    hooks: {
      start: async context => {
        opening = true
        await listen(name, server, place, context.signal).finally(() => {
          opening = false
        })
        fail = context.fail
        server.on('error', die)
        undo.push(() => server.off('error', die))
        context.info(whereabouts(server))
      },
      unready: () => {
        goodbye = sayClose(server, connections)
        undo.push(goodbye.undo)
      },
      drain: context => (drained = windUp(context)),
      stop: async context => {
        cut(context)
        await gone
        await drained
      },
      force: cut,
    },
  }
}
