import express from 'express'
import { type Report, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { afterEach, describe, expect, test } from 'vitest'
import { stacks } from './stacks.ts'

/** What waits for itself takes so long, or longer. */
const DEADLOCK = 9_000

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const urlOf = (group: { status: { service(path: string): unknown } }): string =>
  (group.status.service('shop/api') as { state: { info: { url: string } } }).state.info.url

describe('a request that awaits the end of its own service', () => {
  test.each(stacks.map(stack => [stack.name, stack] as const))(
    'X7 %s: it is answered, and the shutdown is graceful',
    async (_, stack) => {
      const got: Report[] = []
      const server = stack.create(async (_request, response) => {
        got.push(await group.stop('asked by an admin'))
        response.end('bye')
      })
      const api = http('api', server, { host: '127.0.0.1' })
      const group = serviceGroup('shop').add(service('db', {})).add(api)
      await group.start()
      const client = await stack.client(api.port!)
      ends.push(client.close)
      expect(await client.ask('/shutdown')).toMatchObject({ body: 'bye' })
      expect(got).toMatchObject([{ ok: true, outcome: 'still there' }])
      const report = await group.stop()
      expect(report).toMatchObject({ ok: true, trigger: { message: 'asked by an admin' } })
      expect(report.stopTook).toBeLessThan(DEADLOCK)
    },
  )

  const shop = async (app: express.Express) => {
    const group = serviceGroup('shop').add(http('api', app, { port: 0, host: '127.0.0.1' }))
    ends.push(() => group.stop())
    return group
  }

  test('X7 an express app that reads a body first, with a nested group and another request under way', async () => {
    let release = (): void => {}
    const app = express().use(express.json())
    app.get('/slow', (_, response) => {
      release = () => response.end('slow')
    })
    app.post('/shutdown', async (request, response) => {
      await outer.stop(request.body.why)
      response.end('bye')
    })
    const group = await shop(app)
    const outer = serviceGroup('outer').add(group)
    await outer.start()
    const url = (outer.status.service('outer/shop/api')!.state.info as { url: string }).url
    const slow = fetch(`${url}/slow`).then(answer => answer.text())
    await expect.poll(() => release.toString()).toContain('slow')
    const body = JSON.stringify({ why: 'enough' })
    const answer = await fetch(`${url}/shutdown`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(await answer.text()).toBe('bye')
    release()
    expect(await slow).toBe('slow')
    expect(await outer.stop()).toMatchObject({ ok: true, trigger: { message: 'enough' } })
  })

  test('X7 its own restart: it is answered, and the service is there again', async () => {
    const app = express().post('/restart', async (_, response) => {
      await group.restart('api')
      response.end('restarted')
    })
    const group = await shop(app)
    await group.start()
    const answer = await fetch(`${urlOf(group)}/restart`, { method: 'POST' })
    expect(await answer.text()).toBe('restarted')
    await expect
      .poll(() => group.status.service('shop/api'))
      .toMatchObject({ restarts: 1, state: { phase: 'running' } })
    expect(await group.stop()).toMatchObject({ ok: true })
  })

  test('X7 once it has been answered it holds up nothing: what goes on gets the whole report', async () => {
    const got: Report[] = []
    let release = (): void => {}
    const app = express()
    app.get('/slow', (_, response) => {
      release = () => response.end('slow')
    })
    app.post('/shutdown', async (_, response) => {
      response.end('bye')
      got.push(await group.stop())
    })
    const group = await shop(app)
    await group.start()
    const url = urlOf(group)
    const slow = fetch(`${url}/slow`).then(answer => answer.text())
    await expect.poll(() => release.toString()).toContain('slow')
    await fetch(`${url}/shutdown`, { method: 'POST' })
    // Longer than what a hook has set going would wait.
    await new Promise(resolve => setTimeout(resolve, 700))
    expect(got).toEqual([])
    release()
    expect(await slow).toBe('slow')
    expect(await group.stop()).toMatchObject({ ok: true })
    expect(got).toMatchObject([{ ok: true, outcome: 'stopped' }])
  })
})
