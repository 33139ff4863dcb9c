/**
 * Two consumers share a connection. When it is lost, the three are restarted inside their group. When that happens too
 * often their group fails, and the group around it restarts it as a unit. The API beside it answers all the time.
 *
 *   node --import tsx demos/06-restarted-as-a-unit.ts
 *
 * `strategy: 'rest-for-one'` takes what starts after the one that failed down in reverse, and up again in order.
 * `maxRestarts` of a group counts the restarts of all its services. Read the table downwards: a row for each change.
 */

import express from 'express'
import { service, serviceGroup, task } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import {
  count,
  distinctUntilChanged,
  exhaustMap,
  filter,
  firstValueFrom,
  interval,
  map,
  mergeMap,
  Subject,
  takeUntil,
  throwError,
  timer,
} from 'rxjs'

const lost$ = new Subject<void>()
const untilLost = () => lost$.pipe(mergeMap(() => throwError(() => new Error('connection reset'))))
const consumer = (name: string) => service(name, { start: () => timer(200) })

const workers = serviceGroup('workers', { strategy: 'rest-for-one', maxRestarts: 1 })
  .add(task('connection', untilLost), { restart: { policy: 'permanent', initialDelay: 500 } })
  .add(consumer('orders'))
  .add(consumer('mails'))

const app = express().get('/ping', (_, response) => void response.send('pong'))

const api = http('api', app, { port: 0 })
const group = serviceGroup('shop')
  .add(api)
  .add(workers, { restart: { policy: 'permanent', initialDelay: 500 } })

const tell = (line: string) => console.log(`\n${line}`)
const row = (cells: readonly string[]) => cells.map(cell => cell.padEnd(12)).join('')

console.log(row(['api', 'workers', 'connection', 'orders', 'mails']).trimEnd())
group.status$
  .pipe(
    map(({ list }) => row(list.map(({ state }) => state.phase))),
    distinctUntilChanged(),
  )
  .subscribe(line => console.log(line.trimEnd()))

await group.start()

const ping = async () => {
  const answer = await (await fetch(`${api.url}/ping`)).text()
  if (answer !== 'pong') throw new Error(`the API answered ${answer}`)
}
const well = () => firstValueFrom(group.health$.pipe(filter(({ ready, health }) => ready && health === 'pass')))
const told$ = new Subject<void>()
const pings = firstValueFrom(interval(50).pipe(takeUntil(told$), exhaustMap(ping), count()))

tell('The connection is lost. Its group restarts it, and what starts after it:')
lost$.next()
await well()

tell('It is lost once too often. Its group gives up, and is restarted as a unit:')
lost$.next()
await well()

tell("Restarted by hand, with group.restart('workers'):")
await group.restart('workers')

told$.next()
tell(`The API has answered all of ${await pings} pings. Now everything stops, in reverse:`)
await group.stop('the story is told')
