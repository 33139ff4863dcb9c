import { serviceError } from '../../core/errors.ts'
import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import { cutInfo } from '../common/cut.ts'
import type { ListeningIncarnation } from '../common/listening.ts'
import { trackConnections } from './connections.ts'
import type { LeaveAlone } from './handed-over.ts'
import { listenersOf } from './listeners.ts'
import { holdBackOthers } from './others-close.ts'
import { whereaboutsOfAll } from './place.ts'
import { figuresOf, newCounts } from './request-counts.ts'
import { requestsAsWork } from './requests-as-work.ts'
import { type SayingClose, sayClose } from './say-close.ts'
import { sayGoaway } from './say-goaway.ts'
import { type Incarnation, isHttp2 } from './target.ts'
import { windDown } from './wind-down.ts'

/** One incarnation of an HTTP service. `letGo` takes everything that the service has added off the server. */
export const serve = (
  name: string,
  incarnation: Incarnation,
  leaveAlone: LeaveAlone,
  changed: () => void,
): ListeningIncarnation => {
  const { server } = incarnation
  const listeners = listenersOf(name, incarnation)
  const isLeftAlone: LeaveAlone = (request, socket) => {
    try {
      return leaveAlone(request, socket)
    } catch (error) {
      warn(`leaveAlone failed for ${request.method} ${request.url}, which is left alone: ${error}`)
      return true
    }
  }
  const counts = newCounts(changed)
  const connections = trackConnections(server, isLeftAlone, counts)
  let tellHeldBack = (_calls: string) => {}
  const others = holdBackOthers(server, calls => tellHeldBack(calls))
  const undo = [connections.untrack, others.undo]
  let leaving = false
  let over = false
  let goodbye: SayingClose | undefined
  let drained: Promise<void> | undefined
  let fail: ServiceContext['fail'] = () => {}
  let warn = (_detail: string) => {}

  const die = (error: unknown) => {
    letGo()
    fail(error)
  }
  // Emitted once the listener is closed and the last connection gone.
  const closed = new Promise<void>(resolve => {
    const onClose = () => {
      others.gone()
      resolve()
      if (!leaving)
        die(serviceError('ERR_SERVICE_FAILED', name, 'other code closed its server; leave that to the service'))
    }
    server.on('close', onClose)
    undo.push(() => server.off('close', onClose))
  })
  const gone = () => Promise.all([closed, listeners.gone()])

  const leave = () => {
    leaving = true
    others.leave()
  }
  const cut = ({ info }: ServiceContext) => {
    leave()
    const lost = connections.all().flatMap(connection => connection.work())
    if (lost.length > 0) info(cutInfo(lost))
    listeners.closeNow()
    connections.destroyAll()
  }
  // Also before its end is told: whoever hears it may begin the next life of the same server at once.
  const letGo = () => {
    if (over) return
    over = true
    leaving = true
    listeners.closeNow()
    connections.destroyAll()
    for (const step of undo.splice(0).reverse()) step()
  }
  const whereabouts = () => whereaboutsOfAll(listeners.all(), 'setSecureContext' in server ? 'https://' : 'http://')
  const windUp = async ({ pending }: ServiceContext) => {
    const end = windDown(connections, pending)
    undo.push(end)
    const release = goodbye!.hold()
    await listeners.close()
    release()
    await gone()
    end()
  }

  return {
    letGo,
    whereabouts,
    figures: () => figuresOf(connections.all(), counts),
    hooks: {
      start: async context => {
        await listeners.open(context.signal).catch(error => {
          letGo()
          throw error
        })
        undo.push(requestsAsWork(server))
        fail = context.fail
        const { setHealth, info } = context
        tellHeldBack = calls => info({ heldBack: calls })
        warn = detail => setHealth('warn', detail)
        for (const listener of listeners.all()) {
          listener.on('error', die)
          undo.push(() => listener.off('error', die))
        }
        context.info(whereabouts())
      },
      unready: () => {
        leave()
        goodbye = sayClose(server, connections)
        undo.push(goodbye.undo)
        if (isHttp2(server)) undo.push(sayGoaway(server, connections))
      },
      drain: context => (drained = windUp(context)),
      stop: async context => {
        cut(context)
        await gone()
        await drained
        letGo()
      },
      force: cut,
    },
  }
}
