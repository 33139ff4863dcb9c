import { createServer } from 'node:http'
import { type Service, ServiceError, service, serviceGroup } from 'rx-service-group'
import * as amqp from 'rx-service-group/amqp'
import * as childProcess from 'rx-service-group/child-process'
import * as dashboard from 'rx-service-group/dashboard'
import * as eventLoop from 'rx-service-group/event-loop'
import * as grpc from 'rx-service-group/grpc'
import { http } from 'rx-service-group/http'
import * as log from 'rx-service-group/log'
import * as memory from 'rx-service-group/memory'
import * as metrics from 'rx-service-group/metrics'
import * as otel from 'rx-service-group/otel'
import * as probes from 'rx-service-group/probes'
import * as schedule from 'rx-service-group/schedule'
import * as terminal from 'rx-service-group/terminal'
import { fakeService, serviceConformance, virtualTime } from 'rx-service-group/testing'
import * as worker from 'rx-service-group/worker'

/** The globals of the runner, as far as they are alike everywhere. */
declare const test: (name: string, body: () => unknown) => void
declare const expect: (actual: unknown) => {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatch(expected: RegExp): void
}

const answer = () => createServer((_, response) => void response.end('hello'))

const portOf = (info: unknown): number => (info as { port: number }).port

test('every entry can be loaded', () => {
  const entries = [
    amqp,
    childProcess,
    dashboard,
    eventLoop,
    grpc,
    log,
    memory,
    metrics,
    otel,
    probes,
    schedule,
    terminal,
    worker,
  ]
  expect(entries.filter(entry => Object.keys(entry).length === 0)).toEqual([])
})

test('a group with http serves, and stops in reverse', async () => {
  const stopped: string[] = []
  const group = serviceGroup('shop')
    .add(service('db', { stop: () => void stopped.push('db') }))
    .add(http('api', answer(), { port: 0, host: '127.0.0.1' }))
  await group.start()
  const port = portOf(group.status.services['shop/api']?.state.info)
  const response = await fetch(`http://127.0.0.1:${port}`)
  expect(await response.text()).toBe('hello')
  const report = await group.stop()
  expect(report.ok).toBe(true)
  expect(stopped).toEqual(['db'])
})

test('a start that fails rejects with a ServiceError', async () => {
  const group = serviceGroup('shop').add(service('db', { start: () => Promise.reject(new Error('no route')) }))
  const error: unknown = await group.start().catch((error: unknown) => error)
  expect(error instanceof ServiceError).toBe(true)
  expect(error instanceof Error).toBe(true)
  expect(String(error)).toMatch(/no route/)
})

test('an error of Node itself is told as it is', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => taken.once('listening', resolve))
  const { port } = taken.address() as { port: number }
  const error = await serviceGroup('shop')
    .add(http('api', answer(), { port, host: '127.0.0.1' }))
    .start()
    .catch((error: unknown) => error as ServiceError)
  taken.close()
  expect(String(error)).toMatch(/EADDRINUSE|in use/)
})

test('virtual time: a fake service that hangs at its stop is abandoned', async () => {
  const time = virtualTime()
  const db = fakeService('db', { start: 30, stop: 'hangs', clock: time })
  const group = serviceGroup('shop', { clock: time }).add(db, { stopTimeout: 500 })
  const started = group.start()
  await time.advance(30)
  await started
  const stopped = group.stop()
  await time.advance(1_500)
  const report = await stopped
  expect(report.services.map(({ outcome }) => outcome)).toEqual(['abandoned'])
})

const rows = () => {
  let isOpen = false
  const create = (): Service =>
    service('rows', {
      start: () => {
        isOpen = true
      },
      stop: () => {
        isOpen = false
      },
    })
  const use = async () => {
    if (!isOpen) throw new Error('closed')
  }
  return { create, use }
}

for (const { name, run } of serviceConformance(rows())) test(`conformance: ${name}`, run)
