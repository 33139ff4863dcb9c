import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'
import { startProgram } from '../support/child.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()
const program = new URL('./programs/watched.ts', import.meta.url)

const RUNNING = { phase: 'running', health: 'pass' } as const

const started = async (port = 0) => {
  const child = startProgram(program, { PORT: String(port) })
  const output = await child.says(/"path":"shop","state":\{"phase":"running"/)
  return { child, url: `${/http:\/\/127\.0\.0\.1:\d+/.exec(output)![0]}/` }
}

const textOf = (page: Page, selector: string) => page.locator(selector).first().textContent()
const colorOf = (page: Page) => page.evaluate<string>('getComputedStyle(document.querySelector(".banner .chip")).color')

test('a process that is silent looks so: grey chips, another title, counters that stand; and comes back', async () => {
  const { child, url } = await started()
  const page = await open(url)
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  const [title, color] = [await page.title(), await colorOf(page)]
  child.kill('SIGSTOP')
  await expect.poll(() => textOf(page, '.connection'), { timeout: 50_000 }).toMatch(/— the process is silent$/)
  await expect.poll(() => page.title()).toBe('shop: no answer')
  await expect.poll(() => colorOf(page)).not.toBe(color)
  const count = () => rowOf(page, 'db').locator('td.for').textContent()
  // They go back to the moment at which something was heard last.
  await expect.poll(async () => Number.parseInt((await count()) ?? '', 10)).toBeLessThan(15)
  const stands = await count()
  // Counters are looked at four times a second.
  await page.evaluate('new Promise(resolve => setTimeout(resolve, 1500))')
  expect(await count()).toBe(stands)
  child.kill('SIGCONT')
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  await expect.poll(() => page.title()).toBe(title)
  await expect.poll(() => colorOf(page)).toBe(color)
  child.kill('SIGKILL')
}, 120_000)

test('a connection that is lost looks so at once', async () => {
  const { snapshot, becomes } = story('shop', ['db'])
  const group = played('shop')
  const { url, close } = await listen(serve(group))
  group.play(snapshot, becomes('', { phase: 'starting', attempt: 1 }), becomes('', RUNNING))
  const page = await open(url)
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  const color = await colorOf(page)
  await close()
  await expect.poll(() => page.title()).toBe('shop: connection lost')
  await expect.poll(() => colorOf(page)).not.toBe(color)
})

test('the shutdown of the process before stays to look at, and the present one is a step away', async () => {
  const first = await started()
  const page = await open(first.url)
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  first.child.kill('SIGTERM')
  await expect.poll(() => rowOf(page, 'orders').locator('td.state').textContent()).toBe('draining')
  await fetch(`${first.url}go`)
  await first.child.ended
  await expect.poll(() => textOf(page, '.connection')).toContain('the process is gone')
  const pid = await page.getByText(/^pid/).textContent()
  const second = await started(Number(new URL(first.url).port))
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  expect(await textOf(page, '.run')).toMatch(/previous run \(SIGTERM, last heard of at \d\d:\d\d:\d\d\)/)
  await page.getByRole('link', { name: 'previous run' }).click()
  await expect.poll(() => textOf(page, '.story')).toMatch(/^(Stopped in|Had been stopping for) .*\(SIGTERM\)/)
  expect(await page.getByText(/^pid/).textContent()).toBe(pid)
  expect(await page.locator('.gantt [data-path="shop/orders"] .kind-draining').count()).toBe(1)
  expect(await textOf(page, '.connection')).toContain('the process is gone')
  // Who comes later is shown it too.
  const other = await page.context().newPage()
  await other.goto(page.url())
  await expect.poll(() => textOf(other, '.story')).toMatch(/\(SIGTERM\)/)
  await page.getByRole('link', { name: 'Show the present one' }).click()
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  expect(await page.getByText(/^pid/).textContent()).not.toBe(pid)
  second.child.kill('SIGKILL')
}, 120_000)

test('what a server does not tell of itself is not made up', async () => {
  const { snapshot } = story('shop', ['db'])
  const hello = { boot: 'b', now: Date.now(), seq: 0, group: 'shop', actions: false }
  const page = played('shop')
  const listener = serve(page)
  const { url } = await listen((request, response) => {
    if (request.url !== '/events') return listener(request, response)
    response.setHeader('content-type', 'text/event-stream')
    response.write(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`)
    response.write(`id: b:0\nevent: events\ndata: ${JSON.stringify([snapshot])}\n\n`)
  })
  const tab = await open(url)
  await expect.poll(() => textOf(tab, '.facts')).toContain('1 service')
  expect(await textOf(tab, '.facts')).not.toMatch(/pid|node|undefined/)
})
