import express from 'express'
import { expect, test } from 'vitest'
import { useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const RUNNING = { phase: 'running', health: 'pass' } as const
const TOKEN = 'open sesame, please'

/** A dashboard whose server says what may be asked for, and writes down what is. */
const shop = async (actions: unknown, name = 'shop') => {
  const { snapshot, becomes } = story(name, [
    ['db', { dependsOn: [] }],
    ['api', { dependsOn: ['db'] }],
    'workers',
    'workers/mailer',
    'job',
  ])
  const group = played(name)
  const asked: { readonly body: unknown; readonly token: string | undefined }[] = []
  const app = express()
    .post('/actions', express.json(), (request, response) => {
      const token = request.get('authorization')?.slice('Bearer '.length)
      if (token !== TOKEN) return void response.status(401).json({ error: 'no', code: 'ERR_UNAUTHORIZED' })
      asked.push({ body: request.body, token })
      response.status(202).json({})
    })
    .get('/events', (_, response) => {
      response.type('text/event-stream')
      const hello = { boot: 'b', now: Date.now(), seq: 0, group: name, actions }
      response.write(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`)
      const events = [
        snapshot,
        becomes('', { phase: 'starting', attempt: 1 }),
        ...['db', 'api', 'workers', 'workers/mailer'].map(one => becomes(one, RUNNING)),
        becomes('job', { phase: 'stopped', how: 'stopped' }),
        becomes('', RUNNING),
      ]
      response.write(`id: b:9\nevent: events\ndata: ${JSON.stringify(events)}\n\n`)
    })
    .use(serve(group))
  const { url } = await listen(app)
  return { url, app, asked }
}

test('a service, a nested one and one that is down are acted on by their paths; the token is asked for once', async () => {
  const { url, asked } = await shop(['start', 'stop', 'restart', 'stop-group'])
  const page = await open(`${url}#services?open=shop%2Fworkers%2Fmailer`)
  const drawer = page.getByRole('complementary')
  const dialog = page.getByRole('dialog')
  await drawer.getByRole('button', { name: 'Stop…' }).click()
  expect(await dialog.textContent()).toMatch(/Stop workers\/mailer\?.*Nothing else depends on it\./)
  await dialog.getByLabel('Token of shop').fill('guess')
  await dialog.getByRole('button', { name: 'Stop' }).click()
  await expect.poll(() => dialog.getByRole('alert').textContent()).toBe('That is not the token.')
  await dialog.getByLabel('Token of shop').fill(TOKEN)
  await dialog.getByRole('button', { name: 'Stop' }).click()
  await expect.poll(() => dialog.count()).toBe(0)

  await page.getByRole('button', { name: 'db', exact: true }).click()
  await drawer.getByRole('button', { name: 'Restart…' }).click()
  expect(await dialog.textContent()).toContain('With it goes what depends on it: api.')
  expect(await dialog.getByLabel('Token of shop').count()).toBe(0)
  await dialog.getByRole('button', { name: 'Restart' }).click()
  await expect.poll(() => dialog.count()).toBe(0)

  await page.getByRole('rowheader').getByRole('button', { name: 'job' }).click()
  expect(await drawer.locator('.acts button').allTextContents()).toEqual(['Start…'])
  await drawer.getByRole('button', { name: 'Start…' }).click()
  await dialog.getByRole('button', { name: 'Start' }).click()
  await expect.poll(() => dialog.count()).toBe(0)

  await page.getByRole('button', { name: 'Stop the group…' }).click()
  await dialog.getByRole('button', { name: 'Stop' }).click()
  await expect.poll(() => dialog.count()).toBe(0)
  expect(asked.map(({ body }) => body)).toEqual([
    { action: 'stop', service: 'workers/mailer' },
    { action: 'restart', service: 'db' },
    { action: 'start', service: 'job' },
    { action: 'stop' },
  ])
})

test.each<[unknown, readonly string[], number]>([
  [false, [], 0],
  [true, ['Restart…'], 1],
  [['stop'], ['Stop…'], 0],
  [['stop-group'], [], 1],
  [['explode', 7], [], 0],
  [undefined, [], 0],
])('a server that lets %j be asked for is asked for nothing else', async (actions, verbs, stops) => {
  const { url } = await shop(actions)
  const page = await open(`${url}#services?open=shop%2Fworkers%2Fmailer`)
  const drawer = page.getByRole('complementary')
  await expect.poll(() => drawer.getByText('running').first().isVisible()).toBe(true)
  expect(await drawer.locator('.acts button').allTextContents()).toEqual(verbs)
  expect(await page.getByRole('button', { name: 'Stop the group…' }).count()).toBe(stops)
})

test('a token is kept for its group only, also when another group comes to the same address', async () => {
  const groups = await Promise.all(['one', 'two'].map(name => shop(true, name)))
  let shown = 0
  const { url } = await listen((request, response) => groups[shown]!.app(request, response))
  const page = await open(`${url}#services?open=one%2Fdb`)
  const dialog = page.getByRole('dialog')
  const restart = page.getByRole('complementary').getByRole('button', { name: 'Restart…' })
  await restart.click()
  await dialog.getByLabel('Token of one').fill(TOKEN)
  await dialog.getByRole('button', { name: 'Restart' }).click()
  await expect.poll(() => dialog.count()).toBe(0)
  shown = 1
  await page.goto('about:blank')
  await page.goto(`${url}#services?open=two%2Fdb`)
  await restart.click()
  expect(await dialog.getByLabel('Token of two').inputValue()).toBe('')
  shown = 0
  await page.goto('about:blank')
  await page.goto(`${url}#services?open=one%2Fdb`)
  await restart.click()
  await expect.poll(() => dialog.isVisible()).toBe(true)
  expect(await dialog.getByLabel('Token of one').count()).toBe(0)
})
