import express from 'express'
import { recordEvents, replayEvents, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { lastValueFrom, Subject, toArray } from 'rxjs'
import { expect, test } from 'vitest'
import { request } from '../../services/http/driver.ts'
import { story } from './support/events.ts'
import { played } from './support/serve.ts'
import { isWhole, serve, watch } from './watch.ts'

const recordALife = async () => {
  const group = serviceGroup('shop').add(service('db', {})).add(service('api', {}))
  const lines = lastValueFrom(recordEvents(group).pipe(toArray()))
  await group.start()
  const report = await group.stop('enough')
  return { lines: await lines, status: group.status, report }
}

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('a recording is shown as the group was, to its end, and can only be looked at', async () => {
  const { lines, status, report } = await recordALife()
  const replay = { name: 'shop', events$: replayEvents(lines) }
  const port = await serve(express().use(dashboard(replay, { token: 'correct horse battery staple' })))
  const page = await watch(port)
  expect(await page.ended).toBe('ended')
  expect(page.messages.map(({ event }) => event)).toEqual(['hello', 'events', 'end'])
  expect(page.messages[0]!.data).toMatchObject({ group: 'shop', actions: false })
  expect(page.messages[1]!.data).toEqual(lines.map(line => JSON.parse(line)))
  expect(page.messages[2]!.data).toEqual(json(report))
  expect(json(page.folded)).toEqual(json(status))
})

test('a recording that is read slowly is shown as it comes', async () => {
  const { lines, status } = await recordALife()
  const lines$ = new Subject<string>()
  const port = await serve(express().use(dashboard({ name: 'shop', events$: replayEvents(lines$) })))
  const page = await watch(port)
  expect((await request(port, '/status')).status).toBe(503)
  for (const line of lines.slice(0, 5)) lines$.next(line)
  await page.until(({ events }) => events.length === 5)
  for (const line of lines.slice(5)) lines$.next(line)
  await page.until(({ events }) => events.length === lines.length)
  expect(isWhole(page.events)).toBe(true)
  expect(json(page.folded)).toEqual(json(status))
  lines$.complete()
  expect(await page.ended).toBe('ended')
})

test('a recording of a process that was killed is shown to its last line', async () => {
  const { lines } = await recordALife()
  const lines$ = new Subject<string>()
  const port = await serve(express().use(dashboard({ name: 'shop', events$: replayEvents(lines$) })))
  const page = await watch(port)
  for (const line of lines.slice(0, -1)) lines$.next(line)
  lines$.complete()
  expect(await page.ended).toBe('ended')
  expect(page.events).toHaveLength(lines.length - 1)
  expect(page.messages.at(-1)).toMatchObject({ event: 'end', data: { outcome: 'still there' } })
})

test('of several lives in one recording the last is shown, to those who watched the first too', async () => {
  const { lines } = await recordALife()
  const lines$ = new Subject<string>()
  const port = await serve(express().use(dashboard({ name: 'shop', events$: replayEvents(lines$) })))
  const page = await watch(port)
  // The first was killed.
  for (const line of [...lines.slice(0, -1), ...lines.slice(0, 4)]) lines$.next(line)
  await page.until(({ events }) => events.length === lines.length + 3)
  expect(page.folded?.phase).toBe('starting')
  const [, first] = page.messages
  const late = await watch(port, { headers: { 'last-event-id': first!.id! } })
  await late.until(({ events }) => events.length > 0)
  expect(late.events).toEqual(page.events.slice(-4))
})

test('a recording that is broken is shown as far as it goes, and said to be broken', async () => {
  const { lines } = await recordALife()
  const replay = { name: 'shop', events$: replayEvents([...lines.slice(0, 4), ...lines.slice(5)]) }
  const port = await serve(express().use(dashboard(replay)))
  const page = await watch(port)
  expect(await page.ended).toBe('ended')
  expect(page.events).toHaveLength(4)
  expect(page.messages.at(-1)).toMatchObject({
    event: 'end',
    data: { group: 'shop', broken: { code: 'ERR_INVALID_RECORDING', message: expect.stringContaining('line 5') } },
  })
})

test('who comes before the first event, which has the number 0, is told it all the same', async () => {
  const { snapshot } = story('shop', ['db'])
  const group = played('shop')
  const port = await serve(express().use(dashboard(group)))
  const page = await watch(port)
  await page.until(({ messages }) => messages.length === 1)
  group.play(snapshot)
  await page.until(({ events }) => events.length === 1)
  expect(page.folded?.seq).toBe(0)
})
