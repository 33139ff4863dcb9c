import express from 'express'
import { type Info, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { story } from './support/events.ts'
import { played, serve as serving } from './support/serve.ts'
import { serve, watch } from './watch.ts'

afterEach(() => {
  vi.useRealTimers()
})

const FAKE = { toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] } as const

const turns = async (until: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 10_000 && !until(); turn++) await new Promise(setImmediate)
}

test('what the process needs is told once a second while somebody watches, and the past to those who come later', async () => {
  const group = serviceGroup('shop').add(service('db', {}))
  onTestFinished(() => group.stop().then(() => {}))
  await group.start()
  const port = await serve(express().use(dashboard(group)))
  vi.useFakeTimers({ toFake: [...FAKE.toFake] })
  expect(vi.getTimerCount()).toBe(0)
  const page = await watch(port)
  await page.until(({ messages }) => messages.length > 0)
  expect(page.figures).toEqual([])
  vi.advanceTimersByTime(3_000)
  await page.until(one => one.figures.length === 3)
  for (const { at, cpu, memory, heap, delay } of page.figures) {
    expect(Math.abs(at - Date.now())).toBeLessThan(60_000)
    expect([cpu >= 0, delay >= 0, heap > 1e6, memory > heap]).toEqual([true, true, true, true])
  }
  const later = await watch(port)
  await later.until(one => one.figures.length === 3)
  expect(later.figures).toEqual(page.figures)
  page.close()
  later.close()
  await turns(() => vi.getTimerCount() === 0)
  expect(vi.getTimerCount()).toBe(0)
  const again = await watch(port)
  await again.until(one => one.figures.length > 0)
  expect(again.figures).toHaveLength(3)
})

test('ten minutes are kept', async () => {
  const group = serviceGroup('shop').add(service('db', {}))
  onTestFinished(() => group.stop().then(() => {}))
  const port = await serve(express().use(dashboard(group)))
  vi.useFakeTimers({ toFake: [...FAKE.toFake] })
  const page = await watch(port)
  await page.until(({ messages }) => messages.length > 0)
  vi.advanceTimersByTime(700_000)
  const later = await watch(port)
  await later.until(one => one.figures.length > 0)
  expect(later.figures).toHaveLength(600)
})

test('nothing is told of the process that shows a recording', async () => {
  const { snapshot } = story('shop', ['db'])
  const group = played('shop')
  const port = await serve(serving(group))
  const page = await watch(port)
  await page.until(({ messages }) => messages.length > 0)
  vi.useFakeTimers({ toFake: [...FAKE.toFake] })
  vi.advanceTimersByTime(5_000)
  group.play(snapshot)
  await page.until(({ events }) => events.length > 0)
  expect(page.figures).toEqual([])
})

test('the work of services is added up, and what observers answer is no work', async () => {
  const counting = (name: string, info: Info) => service(name, { start: context => context.info(info) })
  const group = serviceGroup('shop')
    .add(counting('orders', { inFlight: 3, handled: 20 }))
    .add(counting('mails', { inFlight: 4 }))
    .add(counting('db', { waiting: 1 }))
    .add(counting('probes', { inFlight: 10, handled: 70 }), { observer: true })
    .add(serviceGroup('watching').add(counting('metrics', { inFlight: 100, handled: 700 })), { observer: true })
  onTestFinished(() => group.stop().then(() => {}))
  const port = await serve(express().use(dashboard(group)))
  await group.start()
  vi.useFakeTimers({ toFake: [...FAKE.toFake] })
  const page = await watch(port)
  await page.until(({ messages }) => messages.length > 0)
  vi.advanceTimersByTime(1_000)
  await page.until(one => one.figures.length === 1)
  expect(page.figures[0]).toMatchObject({ inFlight: 7, handled: 0 })
  // A service that is added later, and one that is removed.
  group.add(counting('late', { inFlight: 1_000, handled: 1 }), { observer: true })
  group.add(counting('more', { inFlight: 5, handled: 2 }))
  await group.remove('mails')
  vi.advanceTimersByTime(1_000)
  await page.until(one => one.figures.length === 2)
  expect(page.figures[1]).toMatchObject({ inFlight: 8, handled: 0 })
})
