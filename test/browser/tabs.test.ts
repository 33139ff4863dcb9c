import type { BrowserContext, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const RUNNING = { phase: 'running', health: 'pass' } as const

/** A shop whose server counts the event streams that are open, and those that ever were. */
const shop = async () => {
  const { snapshot, becomes } = story('shop', ['db', 'api'])
  const group = played('shop')
  const listener = serve(group)
  const streams = { open: 0, ever: 0 }
  const { url } = await listen((request, response) => {
    if (request.url === '/events') {
      streams.open++
      streams.ever++
      response.once('close', () => {
        streams.open--
      })
    }
    listener(request, response)
  })
  group.play(snapshot, becomes('', { phase: 'starting', attempt: 1 }))
  return { url, group, becomes, streams }
}

const another = async (context: BrowserContext, url: string): Promise<Page> => {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

const stateOf = (page: Page, name: string) => rowOf(page, name).locator('td.state').textContent()

test('eight tabs share one stream, and each is live', async () => {
  const { url, group, becomes, streams } = await shop()
  const first = await open(url)
  const tabs = [first]
  for (let n = 1; n < 8; n++) tabs.push(await another(first.context(), url))
  group.play(becomes('db', RUNNING))
  for (const tab of tabs) await expect.poll(() => stateOf(tab, 'db')).toBe('running')
  expect(streams).toEqual({ open: 1, ever: 1 })
})

test('whichever tab is closed, the others go on without a gap; after the last the stream is closed', async () => {
  const { url, group, becomes, streams } = await shop()
  const first = await open(url)
  const context = first.context()
  const second = await another(context, `${url}#events`)
  await expect.poll(() => second.locator('table.events tbody tr').count()).toBe(2)
  await first.close()
  const told = Array.from({ length: 500 }, (_, i) => becomes('db', { ...RUNNING, detail: `change ${i}` }))
  group.play(...told)
  const third = await another(context, `${url}#events`)
  for (const tab of [second, third])
    await expect.poll(() => tab.getByText('502 events', { exact: true }).isVisible()).toBe(true)
  expect(streams).toEqual({ open: 1, ever: 1 })
  await second.close()
  group.play(becomes('api', RUNNING))
  await expect.poll(() => third.getByText('503 events', { exact: true }).isVisible()).toBe(true)
  await third.close()
  await expect.poll(() => streams.open).toBe(0)
})

test('where there is no shared worker each tab listens for itself', async () => {
  const { url, group, becomes, streams } = await shop()
  const first = await open('about:blank')
  const context = first.context()
  await context.addInitScript('delete window.SharedWorker')
  const tabs = [await another(context, url), await another(context, url)]
  group.play(becomes('db', RUNNING))
  for (const tab of tabs) await expect.poll(() => stateOf(tab, 'db')).toBe('running')
  expect(streams.open).toBe(2)
})

test('a worker that never says a word is given up, and the tab listens for itself', async () => {
  const { url, group, becomes } = await shop()
  const first = await open('about:blank')
  const context = first.context()
  await context.addInitScript(`window.SharedWorker = class { port = new MessageChannel().port1 }`)
  const tab = await another(context, url)
  group.play(becomes('db', RUNNING))
  await expect.poll(() => stateOf(tab, 'db')).toBe('running')
})

test('a browser that keeps nothing for the page shows it all the same, and colours can be chosen', async () => {
  const { url } = await shop()
  const first = await open('about:blank')
  const context = first.context()
  const errors: string[] = []
  await context.addInitScript(`
    for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, { get: () => { throw new DOMException('denied', 'SecurityError') } })
    window.SharedWorker = class { constructor() { throw new DOMException('denied', 'SecurityError') } }`)
  const page = await context.newPage()
  page.on('pageerror', error => errors.push(String(error)))
  await page.goto(url)
  await expect.poll(() => stateOf(page, 'db')).toBe('idle')
  await page.getByRole('banner').getByRole('combobox').selectOption('dark')
  await expect
    .poll(() => page.evaluate<string>('getComputedStyle(document.body).backgroundColor'))
    .toBe('rgb(15, 19, 24)')
  expect(errors).toEqual([])
})

test('the page finds its server from its own script, whatever the address of the page ends with', async () => {
  const { snapshot } = story('shop', ['db'])
  const group = played('shop')
  const listener = serve(group)
  const { url } = await listen((request, response) => {
    // A proxy that strips its prefix, and gives the page under an address without a slash at its end.
    const path = request.url!.replace(/^\/ops\/admin\b/, '')
    if (path !== '') {
      request.url = path
      return listener(request, response)
    }
    response.setHeader('content-type', 'text/html')
    response.end(
      '<!doctype html><link rel="icon" href="data:,"><div id="page"></div><script type="module" src="/ops/admin/page.js"></script>',
    )
  })
  group.play(snapshot)
  const page = await open(`${url}ops/admin`)
  await expect.poll(() => stateOf(page, 'db')).toBe('idle')
})

test('tabs that come after a process is gone are shown its last words', async () => {
  const { url, group, becomes } = await shop()
  const first = await open(url)
  group.play(becomes('db', { phase: 'failed', error: { name: 'Error', message: 'no route' } }))
  group.end()
  await expect.poll(() => first.locator('.connection').textContent()).toContain('the process is gone')
  const second = await another(first.context(), url)
  await expect.poll(() => stateOf(second, 'db')).toBe('failed')
  await expect.poll(() => second.locator('.connection').textContent()).toContain('the process is gone')
})
