import { type ServiceState, serviceGroup } from 'rx-service-group'
import { recordTrace } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { plain, rejectionOf, shopUnderVirtualTime } from './setup.ts'

/** `shop` with `db`, and with `workers`, which holds `mailer` and `db`; `night` holds a `mailer` too. */
const nestedShop = () => {
  const { time, shop } = shopUnderVirtualTime()
  const [db, deepDb, mailer, nightMailer, printer] = [
    plain('db'),
    plain('db'),
    plain('mailer'),
    plain('mailer'),
    plain('printer'),
  ]
  const workers = serviceGroup('workers', { clock: time }).add(deepDb).add(mailer).add(printer)
  const night = serviceGroup('night', { clock: time }).add(nightMailer)
  return { time, group: shop.add(db).add(workers).add(night), workers, db, deepDb, mailer, nightMailer, printer }
}

describe('a name', () => {
  test.each([
    ['db', 'shop/db'],
    ['shop/db', 'shop/db'],
    ['workers', 'shop/workers'],
    ['workers/db', 'shop/workers/db'],
    ['shop/workers/db', 'shop/workers/db'],
    ['printer', 'shop/workers/printer'],
    ['night/mailer', 'shop/night/mailer'],
  ])('V6 %s is the service at %s, for a handle and for the status', (name, path) => {
    const { group } = nestedShop()
    const handle = group.service(name)
    expect([handle.path, handle.name]).toEqual([path, path.slice(path.lastIndexOf('/') + 1)])
    expect(group.status.service(name)?.path).toBe(path)
  })

  test('X5 that several services have is refused, with their paths', async () => {
    const { group } = nestedShop()
    const error = {
      code: 'ERR_AMBIGUOUS_NAME',
      service: 'mailer',
      message: 'group "shop": "mailer" may be workers/mailer, night/mailer; give one of these paths',
    }
    expect(() => group.service('mailer')).toThrow(expect.objectContaining(error))
    expect(() => group.status.service('mailer')).toThrow(expect.objectContaining(error))
    await group.start()
    expect(await rejectionOf(group.restart('mailer'))).toMatchObject(error)
    expect(await rejectionOf(group.remove('mailer'))).toMatchObject(error)
  })

  test.each([
    ['prnter', 'did you mean "printer"?'],
    ['nigth/mailer', 'did you mean "night/mailer"?'],
    ['dbb', 'did you mean "db"?'],
    ['queue', 'known are db, workers, workers/db, workers/mailer, workers/printer, night, night/mailer'],
    ['shop', 'known are db, workers, workers/db, workers/mailer, workers/printer, night, night/mailer'],
    ['', 'known are db, workers, workers/db, workers/mailer, workers/printer, night, night/mailer'],
  ])('X5 %j that no service has is refused: %s', async (name, hint) => {
    const { group } = nestedShop()
    const error = {
      code: 'ERR_UNKNOWN_SERVICE',
      message: `group "shop": has no service ${JSON.stringify(name)}; ${hint}`,
    }
    expect(() => group.service(name)).toThrow(expect.objectContaining(error))
    expect(await rejectionOf(group.restart(name))).toMatchObject(error)
    expect(await rejectionOf(group.remove(name))).toMatchObject(error)
  })

  test('X3 a value that is no name is refused as one', () => {
    const { group } = nestedShop()
    expect(() => group.service(undefined as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_SERVICE' }))
  })

  test('V6 a service that has the name of the group is found by its path', () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('shop'))
    expect([shop.service('shop').path, shop.status.service('shop')?.path]).toEqual(['shop/shop', 'shop'])
    expect(shop.status.service('shop/shop')?.path).toBe('shop/shop')
  })

  test('R14 restart and remove reach a service inside a nested group, from outside', async () => {
    const { group, printer, db, deepDb } = nestedShop()
    await group.start()
    await group.restart('printer')
    await group.restart('workers/db')
    await group.restart('shop/workers/db')
    expect([printer.starts, db.starts, deepDb.starts]).toEqual([2, 1, 3])
    await group.remove('workers/printer')
    expect([group.status.service('printer'), printer.alive]).toEqual([undefined, false])
    const again = plain('printer')
    await group.restart('workers')
    expect(again.starts).toBe(0)
  })

  test('R14 remove reaches it before the start too', async () => {
    const { group, printer } = nestedShop()
    await group.remove('printer')
    await group.start()
    expect([printer.starts, group.status.service('printer')]).toEqual([0, undefined])
  })
})

describe('a handle', () => {
  test('V3 shows the present state and info, from before the start until after the end', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 'waits' })
    shop.add(db)
    const handle = shop.service('db')
    expect([handle.state, handle.info]).toEqual([{ phase: 'idle' }, {}])
    const started = shop.start()
    expect(handle.state.phase).toBe('starting')
    db.info({ port: 8080 })
    db.start.succeed()
    await started
    expect([handle.state.phase, handle.info]).toEqual(['running', { port: 8080 }])
    await shop.stop()
    expect([handle.state, handle.info]).toEqual([
      { phase: 'stopped', how: 'stopped', info: { port: 8080 } },
      { port: 8080 },
    ])
  })

  test('V2 state$ is the present state, then each change of this service alone, and completes with the group', async () => {
    const { shop } = shopUnderVirtualTime()
    const [db, api] = [plain('db'), plain('api')]
    shop.add(db).add(api)
    const seen: string[] = []
    const phaseOf = ({ phase }: ServiceState): string => phase
    shop.service('db').state$.subscribe({ next: state => seen.push(phaseOf(state)), complete: () => seen.push('|') })
    await shop.start()
    const late: string[] = []
    shop.service('db').state$.subscribe({ next: state => late.push(phaseOf(state)), complete: () => late.push('|') })
    await shop.restart('api')
    await shop.restart('db')
    await shop.stop()
    // It is running twice: the second time it is leaving.
    const rest = ['stopping', 'starting', 'running', 'running', 'stopping', 'stopped', '|']
    expect(seen).toEqual(['idle', 'starting', 'running', ...rest])
    expect(late).toEqual(['running', ...rest])
    const after: string[] = []
    shop.service('db').state$.subscribe({ next: state => after.push(phaseOf(state)), complete: () => after.push('|') })
    expect(after).toEqual(['stopped', '|'])
  })

  test('V2 state$ completes when the service was removed, and goes on when it begins anew', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db')).add(plain('mailer'))
    await shop.start()
    const mailer = shop.service('mailer')
    const seen: string[] = []
    mailer.state$.subscribe({ next: ({ phase }) => seen.push(phase), complete: () => seen.push('|') })
    await mailer.stop()
    await mailer.restart()
    await shop.remove('mailer')
    expect(seen).toEqual(['running', 'stopping', 'stopped', 'idle', 'starting', 'running', 'stopping', 'stopped', '|'])
    expect(mailer.state).toEqual({ phase: 'stopped', how: 'stopped' })
    expect(await rejectionOf(mailer.restart())).toMatchObject({ code: 'ERR_UNKNOWN_SERVICE' })
    expect(await rejectionOf(mailer.stop())).toMatchObject({ code: 'ERR_UNKNOWN_SERVICE' })
    // The name is free, and the handle belongs to the path.
    shop.add(plain('mailer'))
    await shop.ready
    expect(mailer.state.phase).toBe('running')
  })

  test('R14 restart() of a handle restarts its service, in a nested group too', async () => {
    const { group, printer } = nestedShop()
    await group.start()
    const trace = recordTrace(group)
    await group.service('printer').restart()
    expect(trace.lines.filter(line => line.includes('/printer '))).toEqual([
      'shop/workers/printer stopping',
      'shop/workers/printer starting',
      'shop/workers/printer running',
    ])
    expect(printer.starts).toBe(2)
  })
})

describe('a restart without the dependents', () => {
  test('R14 restarts the one service, while those that depend on it go on serving', async () => {
    const { shop } = shopUnderVirtualTime()
    const [db, api] = [plain('db'), plain('api')]
    shop.add(db).add(api, { dependsOn: ['db'] })
    await shop.start()
    const trace = recordTrace(shop)
    db.stop.will('waits')
    const again = shop.restart('db', { dependents: false })
    expect([db.ping(), api.ping()]).toEqual(['no answer', 'pong'])
    db.stop.succeed()
    db.stop.will('returns')
    await again
    expect(trace.lines.filter(line => !/shop running/.test(line))).toEqual([
      'shop/db stopping',
      'shop/db starting',
      'shop/db running',
    ])
    await shop.service('db').restart({ dependents: false })
    expect([db.starts, api.starts]).toEqual([3, 1])
  })

  test('R8 a restart with the dependents, asked for meanwhile, takes them down too', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [db, api] = [plain('db', { stop: 20, clock: time }), plain('api')]
    shop.add(db).add(api, { dependsOn: ['db'] })
    await shop.start()
    const both = [shop.restart('db', { dependents: false }), shop.restart('db')]
    await time.advance(20)
    await Promise.all(both)
    expect([db.starts, api.starts, shop.status.ready]).toEqual([2, 2, true])
  })

  test('X5 unknown options are refused by name', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db'))
    await shop.start()
    expect(await rejectionOf(shop.restart('db', { dependants: false } as never))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: 'service "db": unknown option dependants; did you mean dependents?',
    })
    expect(await rejectionOf(shop.restart('db', { dependents: 'no' } as never))).toMatchObject({
      message: 'service "db": dependents must be true or false, got "no"',
    })
  })
})
