/**
 * An API, the database it needs, and probes as an observer, under `run`. Every answer of a probe says in which phase it
 * was given, so that no clock has to be compared, and no phase passes before all probes were answered in it.
 */
import express, { type RequestHandler } from 'express'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { probes } from 'rx-service-group/probes'
import { filter, finalize, Subject, scan, take } from 'rxjs'

const host = '127.0.0.1'
let phase: 'starting' | 'ready' | 'leaving' | 'stopping' = 'starting'

const answered$ = new Subject<{ readonly path: string; readonly phase: string }>()
const tell: RequestHandler = ({ path }, response, next) => {
  const answer = { path, phase }
  response.setHeader('x-phase', phase).on('finish', () => answered$.next(answer))
  next()
}
const allAnsweredIn = (wanted: typeof phase) =>
  answered$.pipe(
    filter(answer => answer.phase === wanted),
    scan((paths, { path }) => paths.add(path), new Set<string>()),
    filter(paths => paths.size === 3),
    take(1),
  )

const api = express().get('/slow', (_, response) => {
  const done = () => response.send('done')
  if (phase === 'ready') {
    allAnsweredIn('ready').subscribe(() => console.log('asked'))
    allAnsweredIn('leaving').subscribe(done)
  } else done()
})
const stop = () => {
  phase = 'stopping'
  return allAnsweredIn('stopping').pipe(finalize(() => console.log('db stopped')))
}
const group = serviceGroup('shop', { drainDelay: 1_000 })
  .add(
    service('db', {
      start: () => {
        console.log('up')
        return allAnsweredIn('starting')
      },
      stop,
    }),
  )
  .add(http('api', api, { host }))
group.add(http('probes', express().use(tell, probes(group)), { host }), { observer: true })

group.status$.subscribe(status => {
  if (status.ready) phase = 'ready'
  if (status.trigger && phase === 'ready') {
    phase = 'leaving'
    console.log('leaving')
  }
})
await run(group)
