/** One server of a rolling deploy, under `run`: answers after 10 ms, and tells its parent what a balancer would ask. */
import { run, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { distinctUntilChanged, filter, map } from 'rxjs'

/** Where it listens, since when it has been leaving, and since when it has taken in nobody more; 0: not yet. */
export interface FromServer {
  readonly port: number
  readonly leavingAt: number
  readonly drainingAt: number
}

const group = serviceGroup('shop', { drainDelay: Number(process.argv[2]) }).add(
  http('api', (_, response) => setTimeout(() => response.end('ok'), 10), { host: '127.0.0.1' }),
)
let leavingAt = 0
const told$ = group.status$.pipe(
  filter(({ ready, trigger }) => ready || trigger !== undefined),
  map(status => {
    const { state, drainingAt } = status.service('shop/api')!
    if (status.trigger) leavingAt ||= Date.now()
    return { port: Number(state.info?.['port']), leavingAt, drainingAt: drainingAt ?? 0 }
  }),
  distinctUntilChanged((one, next) => one.leavingAt === next.leavingAt && one.drainingAt === next.drainingAt),
)
told$.subscribe((told: FromServer) => process.send?.(told))

process.on('disconnect', () => process.exit(1))
process.channel?.unref()
await run(group)
