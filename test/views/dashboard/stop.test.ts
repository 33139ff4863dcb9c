import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import { type ServiceContext, type ServiceReport, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { http } from 'rx-service-group/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isWhole, watch } from './watch.ts'

/** A shop that holds its own dashboard. */
const openShop = async ({ observer }: { readonly observer: boolean }) => {
  let context!: ServiceContext
  const group = serviceGroup('shop')
    .add(
      service('db', {
        start: ctx => {
          context = ctx
        },
      }),
    )
    .add(service('api', { drain: () => new Promise(resolve => setTimeout(resolve, 30)) }))
  const server = createServer(express().use(dashboard(group)))
  group.add(http('dashboard', server, { host: '127.0.0.1' }), { observer })
  onTestFinished(() => group.stop().then(() => {}))
  await group.start()
  const port = Number(group.status.service('shop/dashboard')?.state.info?.['port'])
  return { group, server, port, say: (detail: string) => context.setHealth('pass', detail) }
}

const took = async (what: Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await what
  return performance.now() - start
}

describe('a dashboard in the group it shows', () => {
  test('as an observer shows the end of all the others, and then its own', async () => {
    const { group, port } = await openShop({ observer: true })
    const pages = await Promise.all(Array.from({ length: 20 }, () => watch(port)))
    expect(await took(group.stop())).toBeLessThan(1_000)
    for (const page of pages) {
      expect(await page.ended).toBe('ended')
      expect(isWhole(page.events)).toBe(true)
      const { folded } = page
      expect(folded?.phase).toBe('stopping')
      expect(folded?.list.map(({ path, state }) => `${path} ${state.phase}`)).toEqual([
        'shop/db stopped',
        'shop/api stopped',
        'shop/dashboard stopping',
      ])
      const { event, data } = page.messages.at(-1)!
      expect(event).toBe('end')
      expect(data.outcome).toBe('still there')
      expect(data.services.map(({ path, outcome }: ServiceReport) => `${path} ${outcome}`)).toEqual([
        'shop/dashboard still there',
        'shop/db stopped',
        'shop/api stopped',
      ])
    }
  })

  test('as a service like any other ends with its drain, with all that was known by then', async () => {
    const { group, port } = await openShop({ observer: false })
    const page = await watch(port)
    const stopped = group.stop()
    expect(await page.ended).toBe('ended')
    expect(isWhole(page.events)).toBe(true)
    expect(page.events.at(-1)).toMatchObject({ path: 'shop/dashboard', state: { phase: 'draining' } })
    expect(page.messages.at(-1)?.event).toBe('end')
    expect(await took(stopped)).toBeLessThan(1_000)
  })

  test('that is restarted says no goodbye, and its pages come back to where they were', async () => {
    const { group, port } = await openShop({ observer: true })
    const page = await watch(port)
    await page.until(({ events }) => events.length > 0)
    await group.restart('dashboard')
    expect(await page.ended).toBe('ended')
    expect(page.messages.at(-1)?.event).toBe('events')
    const id = page.messages.at(-1)!.id!
    const { info } = group.status.service('shop/dashboard')!.state
    const again = await watch(Number(info?.['port']), { headers: { 'last-event-id': id } })
    await again.until(({ events }) => events.at(-1)?.seq === group.status.seq)
    expect(isWhole([...page.events, ...again.events])).toBe(true)
  })

  test.each([true, false])('is not held up by a client that never reads (observer: %s)', async observer => {
    const { group, server, port, say } = await openShop({ observer })
    const stuck = connect({ host: '127.0.0.1', port }).on('error', () => {})
    onTestFinished(() => void stuck.destroy())
    const [response] = await Promise.all([
      new Promise<ServerResponse>(resolve => server.once('request', (_, response) => resolve(response))),
      once(stuck, 'connect').then(() => stuck.pause().write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')),
    ])
    while (response.writableLength < 300_000) {
      for (let n = 0; n < 40; n++) say(`${n} ${'x'.repeat(1_000)}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    const page = await watch(port)
    expect(await took(group.stop())).toBeLessThan(1_500)
    expect(await page.ended).toBe('ended')
    expect(group.report.ok).toBe(true)
  })
})
