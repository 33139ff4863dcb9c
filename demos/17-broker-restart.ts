/**
 * A broker is restarted under a publisher and two consumers, while orders go on coming in. None is lost.
 *
 *   node --import tsx demos/17-broker-restart.ts     (needs RabbitMQ installed: it starts a private one)
 *
 * The three share one connection. When the broker goes, each says so; the publisher holds what comes in meanwhile. When
 * it is back, they declare again what they need, and what waited is published before what came later. Only what was
 * on its way when the broker went may arrive twice.
 */
import { serviceGroup, task } from 'rx-service-group'
import { amqpConnection, amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { distinctUntilChanged, filter, firstValueFrom, interval, map, Subject, take, tap, timer } from 'rxjs'
// The broker of the tests: it starts a node that nothing else on the machine notices, and that dies with this process.
import { startRabbitMq } from '../test/support/rabbitmq.ts'

const ORDERS = 300
const NAMES = ['outbox', 'mails', 'invoices'] as const

console.log('A RabbitMQ is started, which takes some seconds.')
const rabbitmq = await startRabbitMq().catch(() => undefined)
if (!rabbitmq) {
  console.error('It could not be. This demo needs one: apt-get install -y rabbitmq-server')
  process.exit(1)
}

const connection = amqpConnection({ url: await rabbitmq.addVhost('shop') })
const exchange = { name: 'orders', type: 'fanout' } as const
const outbox = amqpPublisher('outbox', { connection, exchange })

const handled = { mails: [] as number[], invoices: [] as number[] }
const handled$ = new Subject<void>()
const consumer = (name: keyof typeof handled) =>
  amqpConsumer(
    name,
    { connection, queue: name, exchanges: [exchange], bindings: [{ exchange: exchange.name }] },
    (order: number) => {
      handled[name].push(order)
      handled$.next()
    },
  )

/** Each is settled when the broker has the order. */
const orders: Promise<void>[] = []
const customers = task('customers', () =>
  interval(10).pipe(
    take(ORDERS),
    tap(order => orders.push(outbox.publish('', order))),
  ),
)

const group = serviceGroup('shop').add(outbox).add(consumer('mails')).add(consumer('invoices')).add(customers)

const table = (cells: readonly string[]) =>
  cells
    .map(cell => cell.padEnd(18))
    .join('')
    .trimEnd()
const rows$ = group.status$.pipe(
  map(status =>
    NAMES.map(name => {
      const { phase, health, info } = { health: '', ...status.service(`shop/${name}`)!.state }
      if (phase !== 'running') return phase
      return health === 'pass' ? 'well' : `${health}, ${info?.['connection']}`
    }),
  ),
  map(table),
  distinctUntilChanged(),
)
console.log(`\n${table(NAMES)}`)
rows$.subscribe(row => console.log(row))
const untilWell = () => firstValueFrom(group.health$.pipe(filter(({ health, ready }) => ready && health === 'pass')))

await group.start()
await firstValueFrom(timer(500))
console.log('\nThe broker goes.')
await rabbitmq.faults.stop()
await firstValueFrom(timer(1_000))

console.log(`\nIt comes back: ${orders.length} orders have come in, the mails know of ${new Set(handled.mails).size}.`)
await rabbitmq.faults.start()
await untilWell()

const isDone = () => NAMES.every(name => name === 'outbox' || new Set(handled[name]).size === ORDERS)
await firstValueFrom(handled$.pipe(filter(isDone)))
await Promise.all(orders)
console.log(`\n${orders.length} orders are confirmed.`)
for (const [name, all] of Object.entries(handled)) {
  const { size } = new Set(all)
  console.log(`${name} have ${size} of them, ${all.length - size} twice.`)
}
console.log()
await group.stop('the story is told')
await rabbitmq.close()
