import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import * as es from 'rx-service-group'
import * as esMetrics from 'rx-service-group/metrics'
import { scan } from 'rxjs'
import { describe, expect, test } from 'vitest'

const require = createRequire(import.meta.url)
const cjs = require('../../dist/cjs/index.js') as typeof es
const cjsMetrics = require('../../dist/cjs/views/metrics/index.js') as typeof esMetrics

/** One copy for comparison: all that holds of two holds of it. */
const COPIES = [
  ['an ES group', 'an ES group', es, es],
  ['an ES group', 'a CommonJS group', es, cjs],
  ['a CommonJS group', 'an ES group', cjs, es],
] as const

test('the two builds are two copies', () => {
  expect(cjs.serviceGroup).not.toBe(es.serviceGroup)
  expect(Object.keys(cjs).sort()).toEqual(Object.keys(es).sort())
})

describe.each(COPIES)('%s that holds %s', (_, __, outer, inner) => {
  const nested = (log: string[] = []) => {
    const told = (name: string) => ({
      start: () => void log.push(`${name} starts`),
      stop: () => void log.push(`${name} stops`),
    })
    const workers = inner.serviceGroup('workers').add(inner.service('mailer', told('mailer')))
    const shop = outer
      .serviceGroup('shop')
      .add(outer.service('db', told('db')))
      .add(workers)
    return { workers, shop }
  }

  test('starts it in its turn, and stops it before what it stands on', async () => {
    const log: string[] = []
    const { shop } = nested(log)
    await shop.start()
    await shop.stop()
    expect(log).toEqual(['db starts', 'mailer starts', 'mailer stops', 'db stops'])
  })

  test('restarts, stops and removes a service inside by its path', async () => {
    const log: string[] = []
    const { shop } = nested(log)
    await shop.start()
    await shop.restart('workers/mailer')
    await shop.service('mailer').stop()
    expect(shop.service('mailer').state).toMatchObject({ phase: 'stopped' })
    await shop.remove('workers/mailer')
    await shop.stop()
    const [down, up] = ['mailer stops', 'mailer starts']
    expect(log).toEqual(['db starts', up, down, up, down, 'db stops'])
  })

  test('knows the services inside by their paths, also one that is added later', async () => {
    const { shop, workers } = nested()
    await shop.start()
    workers.add(inner.service('billing', {}))
    expect(Object.keys(shop.status.services)).toEqual([
      'shop/db',
      'shop/workers',
      'shop/workers/mailer',
      'shop/workers/billing',
    ])
    const report = await shop.stop()
    expect(report.services.map(({ path }) => path)).toContain('shop/workers/mailer')
  })

  test('refuses to start it by itself, to hold it twice, and to be held by it', async () => {
    const { shop, workers } = nested()
    await expect(workers.start()).rejects.toThrow(/part of another group/)
    expect(() => outer.serviceGroup('other').add(workers)).toThrow(/shop/)
    expect(() => workers.add(shop as never)).toThrow(/workers/)
  })

  test('fails with the error of a service inside, which is a ServiceError of both', async () => {
    const workers = inner
      .serviceGroup('workers')
      .add(inner.service('mailer', { start: () => Promise.reject(new Error('no route')) }))
    const error: unknown = await outer
      .serviceGroup('shop')
      .add(workers)
      .start()
      .catch(error => error)
    expect(error).toBeInstanceOf(outer.ServiceError)
    expect(error).toBeInstanceOf(inner.ServiceError)
    expect(error).toMatchObject({ code: 'ERR_GROUP_FAILED' })
    expect(String(error)).toContain('no route')
  })

  test('a service inside that stops the outer group, and waits for that, does not wait for itself', async () => {
    const stopped: boolean[] = []
    const workers = inner.serviceGroup('workers').add(
      inner.task('mailer', async ({ signal }) => {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        await shop.stop()
        stopped.push(true)
      }),
    )
    const shop: es.ServiceGroup<string, never> = outer.serviceGroup('shop').add(workers)
    await shop.start()
    const report = await shop.stop()
    expect(report.ok).toBe(true)
    expect(stopped).toEqual([true])
  })

  test('a service inside that waits for the outer group goes on when the services beside it are done', async () => {
    const workers = inner
      .serviceGroup('workers')
      .add(inner.service('slow', { drain: () => sleep(50) }))
      .add(inner.service('mailer', { drain: () => shop.stop() }))
    const shop: es.ServiceGroup<string, never> = outer.serviceGroup('shop').add(workers)
    await shop.start()
    const { ok, services } = await shop.stop()
    expect(ok).toBe(true)
    expect(services.map(({ outcome }) => outcome)).toEqual(['stopped', 'stopped', 'stopped'])
  })

  test('a restart of the nested group begins a new incarnation of it', async () => {
    const log: string[] = []
    const { shop } = nested(log)
    await shop.start()
    await shop.restart('workers')
    await expect.poll(() => shop.status.services['shop/workers/mailer']?.state.phase).toBe('running')
    await shop.stop()
    expect(log.filter(line => line === 'mailer starts')).toHaveLength(2)
  })

  test('asks the behaviours of the outer copy for more time', async () => {
    const states: string[] = []
    const late = async ({ extend }: es.ServiceContext) => {
      extend(1_000)
      await sleep(50)
    }
    const shop = outer.serviceGroup('shop').add(inner.service('slow', { start: late, stop: () => sleep(1) }), {
      startTimeout: 20,
    })
    shop.events$.subscribe(event => event.kind === 'transition' && states.push(`${event.path} ${event.state.phase}`))
    await shop.start()
    await shop.stop()
    expect(states).toContain('shop/slow running')
  })

  test('its status folds on in the other copy', async () => {
    const { shop } = nested()
    const before = shop.status
    const folded: es.GroupStatus[] = []
    shop.events$
      .pipe(scan((status, event) => (event.kind === 'snapshot' ? status : inner.foldStatus(status, event)), before))
      .subscribe(status => folded.push(status))
    await shop.start()
    expect(folded.at(-1)?.toJSON()).toEqual(shop.status.toJSON())
    await shop.stop()
  })
})

test('metrics of both copies share one registry', async () => {
  const registry = new Registry()
  const one = es.serviceGroup('one')
  const two = cjs.serviceGroup('two')
  esMetrics.metrics(one, { registry })
  cjsMetrics.metrics(two, { registry })
  const text = await registry.metrics()
  expect(text).toContain('group="one"')
  expect(text).toContain('group="two"')
})

test('an error of a class of its own is no instance of another class', () => {
  class Own extends es.ServiceError {}
  const plain = new es.ServiceError('ERR_SERVICE_FAILED', 'db', 'no')
  expect(plain).not.toBeInstanceOf(Own)
  expect(new Own('ERR_SERVICE_FAILED', 'db', 'no')).toBeInstanceOf(es.ServiceError)
  expect(new Own('ERR_SERVICE_FAILED', 'db', 'no')).toBeInstanceOf(Own)
  expect(new Error('no')).not.toBeInstanceOf(es.ServiceError)
  expect({ name: 'ServiceError' }).not.toBeInstanceOf(es.ServiceError)
})
