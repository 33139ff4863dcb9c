import { createServer } from 'node:http'
import {
  fromObservable,
  type Report,
  type Service,
  type ServiceContext,
  type ServiceGroup,
  service,
  serviceGroup,
  task,
} from 'rx-service-group'
import { recordTrace, virtualTime } from 'rx-service-group/testing'
import { filter, firstValueFrom, Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { plain, shopUnderVirtualTime, watch } from './setup.ts'

const outcomes = ({ services }: Report): Record<string, string> =>
  Object.fromEntries(services.map(({ path, outcome }) => [path, outcome]))

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('stop, awaited from inside', () => {
  test.each(['start', 'unready', 'drain', 'stop'] as const)(
    'X7 a %s hook that awaits stop() gets the report so far, and the shutdown goes on without a deadline',
    async hook => {
      const { time, shop } = shopUnderVirtualTime()
      const got: Report[] = []
      const hooks = {
        [hook]: async () => {
          await turn()
          got.push(await shop.stop('inside'))
        },
      }
      shop.add(plain('db')).add(service('calling', hooks))
      shop.start().catch(() => {})
      if (hook !== 'start') await firstValueFrom(shop.status$.pipe(filter(({ phase }) => phase === 'running')))
      const report = await shop.stop('outside')
      expect(time.now()).toBe(0)
      expect(report).toMatchObject({ ok: true, outcome: 'stopped' })
      if (hook === 'unready') return
      expect(got).toHaveLength(1)
      expect(got[0]).toMatchObject({ ok: true, outcome: 'still there', trigger: report.trigger })
      expect(outcomes(got[0]!)).toMatchObject({ 'shop/calling': 'still there' })
    },
  )

  test('X7 a task whose last line awaits stop() ends, and so does the group', async () => {
    const { time, shop } = shopUnderVirtualTime()
    let got: Report | undefined
    const main = async () => {
      await turn()
      got = await shop.stop('the import is done')
    }
    shop.add(plain('db')).add(task('import', main))
    await shop.start()
    await turn()
    expect(await shop.stop()).toMatchObject({ ok: true, trigger: { message: 'the import is done' } })
    expect(outcomes(got!)).toEqual({ 'shop/db': 'still there', 'shop/import': 'still there' })
    expect(time.now()).toBe(0)
  })

  test('X7 it waits for all that can be done before: others that drain or stop, and the drain delay', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 50 })
    const slow = plain('slow', { drain: 'waits', stop: 'waits' })
    let got: Report | undefined
    const importing = task('import', async () => {
      await turn()
      got = await shop.stop()
    })
    shop.add(plain('db')).add(importing).add(slow)
    await shop.start()
    await turn()
    await time.advance(49)
    expect([slow.drain.calls, got]).toEqual([0, undefined])
    await time.advance(1)
    expect([slow.drain.open, got]).toEqual([true, undefined])
    slow.drain.succeed()
    await time.settle()
    expect([slow.stop.open, got]).toEqual([true, undefined])
    slow.stop.succeed()
    await time.settle()
    expect(outcomes(got!)).toEqual({ 'shop/db': 'still there', 'shop/import': 'still there', 'shop/slow': 'stopped' })
    expect(await shop.stop()).toMatchObject({ ok: true })
    expect(time.now()).toBe(50)
  })

  test('X7 two services that both await stop() hold each other up no longer', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const drain = () => shop.stop()
    for (const name of ['a', 'b', 'c']) shop.add(service(name, { drain }))
    await shop.start()
    expect(await shop.stop()).toMatchObject({ ok: true })
    expect(time.now()).toBe(0)
  })

  test('X7 a service in a nested group may await the stop of any group around it', async () => {
    for (const which of ['shop', 'workers', 'deep'] as const) {
      const { time, shop } = shopUnderVirtualTime()
      const groups: Record<string, ServiceGroup> = { shop }
      groups['workers'] = serviceGroup('workers', { clock: time })
      groups['deep'] = serviceGroup('deep', { clock: time })
      let got: Report | undefined
      const mailer = task('mailer', async ({ signal }) => {
        await turn()
        got = await groups[which]!.stop('mailed')
        return signal.aborted
      })
      groups['deep'].add(mailer)
      groups['workers'].add(plain('pool')).add(groups['deep'])
      shop.add(plain('db')).add(groups['workers'])
      await shop.start()
      await firstValueFrom(
        shop.status$.pipe(filter(({ list }) => list.some(s => s.path.endsWith('mailer') && s.endedAt !== null))),
      )
      await time.settle()
      expect(got).toMatchObject({ group: which, outcome: 'still there' })
      expect(await shop.stop()).toMatchObject({ ok: true })
      expect(time.now()).toBe(0)
    }
  })

  test('X7 another service of a nested group that is not done yet is waited for', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const slow = plain('slow', { drain: 'waits' })
    const got: Report[] = []
    const calling = service('calling', { drain: async () => got.push(await shop.stop()) })
    shop.add(serviceGroup('workers', { clock: time }).add(calling).add(slow))
    await shop.start()
    const stop = shop.stop()
    await time.settle()
    expect([slow.drain.open, got]).toEqual([true, []])
    slow.drain.succeed()
    expect(await stop).toMatchObject({ ok: true })
    expect(got).toHaveLength(1)
  })

  test('X7 a group that a hook runs by itself: what is inside may await the stop of the outer one', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const inner = serviceGroup('inner', { clock: time })
    const got: Report[] = []
    inner.add(service('calling', { drain: async () => got.push(await shop.stop()) }))
    shop.add(service('holder', { start: () => inner.start(), stop: () => inner.stop() }))
    await shop.start()
    const stop = shop.stop()
    await time.advance(499)
    expect(got).toEqual([])
    await time.advance(1)
    expect(got).toHaveLength(1)
    expect(await stop).toMatchObject({ ok: true, stopTook: 500 })
  })

  test('X7 what a hook has set going, such as a server: once its service alone has held up all for half a second', async () => {
    const group = serviceGroup('shop')
    let got: Report | undefined
    let closed: Promise<unknown> | undefined
    const server = createServer(async (_, answer) => {
      got = await group.stop('asked by an admin')
      answer.end('bye')
    })
    const start = () => new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const drain = () => (closed = new Promise(resolve => server.close(resolve)))
    group.add(service('api', { start, drain, stop: () => closed }))
    await group.start()
    const { port } = server.address() as { port: number }
    const answer = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
    expect(await answer.text()).toBe('bye')
    expect(got).toMatchObject({ outcome: 'still there' })
    const { ok, stopTook } = await group.stop()
    expect(ok).toBe(true)
    expect(stopTook).toBeLessThan(5_000)
  })

  test('X7 what a hook has set going gets the whole report when its service is not held up', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const got: Report[] = []
    const start = () => void setImmediate(async () => got.push(await shop.stop()))
    shop.add(service('db', { stop: () => new Promise<void>(resolve => time.schedule(() => resolve(), 400)) }))
    shop.add(service('timer', { start, stop: () => new Promise<void>(resolve => time.schedule(() => resolve(), 400)) }))
    await shop.start()
    await turn()
    await time.advance(900)
    expect(got[0]).toBe(await shop.stop())
    expect(got[0]).toMatchObject({ ok: true, outcome: 'stopped', stopTook: 800 })
  })

  test('X7 a listener that a service brings about is outside: it gets the whole report', async () => {
    const { shop } = shopUnderVirtualTime()
    const got: Promise<Report>[] = []
    shop.add(plain('db')).add(
      service('api', {
        start: ({ setHealth }: ServiceContext) => void setImmediate(() => setHealth('fail')),
        drain: turn,
        stop: turn,
      }),
    )
    shop.status$.subscribe(({ health }) => {
      if (health === 'fail') got.push(shop.stop('not well'))
    })
    await shop.start()
    await firstValueFrom(shop.health$.pipe(filter(({ health }) => health === 'fail')))
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: true, trigger: { message: 'not well' } })
    for (const other of await Promise.all(got)) expect(other).toBe(report)
  })

  test('X7 an Observable, and a lifecycle written by hand', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const got: Report[] = []
    const source$ = new Observable<never>(() => () => void shop.stop().then(report => got.push(report)))
    const byHand: Service = {
      name: 'by-hand',
      lifecycle: shutdown$ =>
        new Observable(out => {
          out.next({ phase: 'starting', attempt: 1 })
          out.next({ phase: 'running', health: 'pass' })
          return shutdown$.subscribe(async ({ step, reason }) => {
            if (step !== 'stop') return
            out.next({ phase: 'stopping', reason })
            got.push(await shop.stop())
            out.next({ phase: 'stopped', how: 'stopped' })
            out.complete()
          })
        }),
    }
    shop.add(fromObservable('source', source$)).add(byHand)
    await shop.start()
    const stop = shop.stop()
    await time.advance(500)
    expect(await stop).toMatchObject({ ok: true, stopTook: 500 })
    expect(got.map(({ outcome }) => outcome)).toEqual(['still there', 'stopped'])
  })
})

describe('restart and remove, awaited from inside', () => {
  const parts = (time = virtualTime()) => ({ time, shop: serviceGroup('shop', { clock: time }) })

  test('X7 a service may await its own restart: it goes on once only it is waited for, and then ends', async () => {
    const { time, shop } = parts()
    let lives = 0
    const calling = task('calling', async ({ signal }) => {
      await turn()
      if (++lives === 1) await shop.restart('calling')
      else await new Promise(resolve => signal.addEventListener('abort', resolve))
    })
    shop.add(plain('db')).add(calling)
    await shop.start()
    const trace = recordTrace(shop)
    await expect.poll(() => lives).toBe(2)
    expect(trace.lines.filter(line => line.startsWith('shop/'))).toEqual([
      'shop/calling stopping',
      'shop/calling starting',
      'shop/calling running',
    ])
    expect(time.now()).toBe(0)
    expect(await shop.stop()).toMatchObject({ ok: true })
  })

  test('X7 a service may await the restart of one that it depends on, which takes it along', async () => {
    const { time, shop } = parts()
    let restarted = 0
    const drain = async ({ reason }: ServiceContext) => {
      if (reason?.by === 'call' && restarted++ === 0) await shop.restart('db')
    }
    shop.add(plain('db')).add(service('api', { drain }), { dependsOn: ['db'] })
    await shop.start()
    await shop.restart('db')
    expect(shop.status.services['shop/api']?.restarts).toBe(1)
    expect([restarted, time.now()]).toEqual([1, 0])
    expect(await shop.stop()).toMatchObject({ ok: true })
  })

  test('X7 a service that is not taken along waits until the other is running again', async () => {
    const { time, shop } = parts()
    const db = plain('db', { stop: 'waits' })
    let done: { readonly now: string } | undefined
    const calling = task('calling', ({ signal }) => {
      done = watch(turn().then(() => shop.restart('db')))
      return new Promise(resolve => signal.addEventListener('abort', resolve))
    })
    shop.add(db).add(calling, { dependsOn: [] })
    await shop.start()
    await turn()
    await time.advance(1_000)
    expect([db.stop.open, done?.now]).toEqual([true, 'pending'])
    db.stop.succeed()
    await time.settle()
    expect(done?.now).toBe('resolved')
    db.stop.will('resolves')
    await shop.stop()
  })

  test('X7 a service may await its own removal', async () => {
    const { time, shop } = parts()
    let over = false
    const calling = task('calling', async () => {
      await turn()
      await shop.remove('calling')
      over = true
    })
    shop.add(plain('db')).add(calling)
    await shop.start()
    await firstValueFrom(shop.events$.pipe(filter(({ kind }) => kind === 'removed')))
    expect([over, time.now(), Object.keys(shop.status.services)]).toEqual([true, 0, ['shop/db']])
    expect(await shop.stop()).toMatchObject({ ok: true })
  })
})
