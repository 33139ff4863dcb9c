/**
 * A group on a terminal, whose story is told through a socket, since what is typed would show: see terminal.test.ts.
 */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { run, type ServiceContext, service, serviceGroup } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'
import { firstValueFrom, Subject } from 'rxjs'

const [port, story = ''] = process.argv.slice(2)
const line$ = new Subject<string>()
const said = (word: string) =>
  new Promise<void>(resolve => {
    const listening = line$.subscribe(line => {
      if (line !== word) return
      listening.unsubscribe()
      resolve()
    })
  })

let db: ServiceContext | undefined
let orders: ServiceContext | undefined
const group = serviceGroup('shop')
  .add(
    service('db', {
      start: context => {
        db = context
        return said('db')
      },
    }),
  )
  .add(
    serviceGroup('workers').add(
      service('orders', {
        drain: context => {
          orders = context
          context.pending(2)
          return said('drained')
        },
      }),
    ),
  )
  .add(service('api', { start: () => (story === 'fails' ? Promise.reject(new Error('no route')) : undefined) }))

const wire = connect(Number(port))
createInterface({ input: wire }).on('line', line => {
  if (line === 'warn') db?.setHealth('warn', 'slow disk')
  else if (line === 'well') db?.setHealth('pass')
  else if (line === 'talk') console.log('a line of its own')
  else if (line === 'begin') process.stdout.write('half a line')
  // Long enough for the picture to turn meanwhile, if it did.
  else if (line === 'go on') setTimeout(() => process.stdout.write(' and more'), 300)
  else if (line === 'end') process.stdout.write(', whole\n')
  else if (line === 'an hour back') {
    const { now } = Date
    Date.now = () => now() - 3_600_000
    orders?.pending(1)
  } else if (line === 'exit') process.exit(3)
  else if (line === 'throw') throw new Error('thrown')
  else if (line === 'stop') void group.stop('enough')
  else line$.next(line)
})
group.status$.subscribe({ complete: () => wire.destroy() })

const handlers = () =>
  ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGWINCH', 'SIGCONT', 'exit', 'beforeExit']
    .map(name => process.listenerCount(name))
    .join()
const { write } = process.stdout
const before = handlers()

const view = terminal(group)
if (story === 'bare') {
  await group.start()
  await firstValueFrom(line$)
  view.unsubscribe()
  console.log('on its own again')
  await group.stop()
} else await run(group, { grace: Infinity })

if (handlers() !== before) console.log('a handler is left')
if (process.stdout.write !== write) console.log('what writes is not what it was')
if (process.stdout.listenerCount('resize') > 0) console.log('somebody still waits for another size')
