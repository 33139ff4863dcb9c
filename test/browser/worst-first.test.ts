import type { ServiceState } from 'rx-service-group'
import { expect, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const RUNNING = { phase: 'running', health: 'pass' } as const
const WARN = { phase: 'running', health: 'warn', detail: 'slow' } as const
const FAIL = { phase: 'running', health: 'fail', detail: 'answers nothing' } as const
const error = { name: 'Error', message: 'no route' }
const reason = { by: 'signal', signal: 'SIGTERM' } as const

/** A group that has been up for an hour, and these states since a minute ago. */
const show = async (states: readonly (readonly [name: string, state: ServiceState])[], group: ServiceState = FAIL) => {
  const hourAgo = Date.now() - 3_600_000
  const names = states.map(([name]) => name)
  const { snapshot, becomes } = story('shop', names, hourAgo)
  const shop = played('shop')
  const { url } = await listen(serve(shop))
  shop.play(
    snapshot,
    becomes('', { phase: 'starting', attempt: 1 }),
    ...names.map(name => becomes(name, RUNNING)),
    becomes('', RUNNING),
    ...states.map(([name, state]) => becomes(name, state, 3_540_000)),
    becomes('', group, 3_540_000),
  )
  return { url, shop, becomes }
}

test('the banner tells the worst first; the rest is a link to the table of them, which one can come back from', async () => {
  const { url } = await show([
    ['w1', WARN],
    ['w2', WARN],
    ['w3', WARN],
    ['ok', RUNNING],
    ['search', FAIL],
    ['orders', { phase: 'backoff', error, attempt: 2, retryAt: Date.now() + 100_000 }],
    ['db', { phase: 'failed', error }],
  ])
  const page = await open(`${url}#graph`)
  const causes = page.locator('.why li')
  await expect.poll(() => causes.count()).toBe(5)
  const told = await causes.allTextContents()
  expect(told[0]).toMatch(/^ ?db has failed \(1 min( \d+ s)?\): no route$/)
  expect(told[1]).toMatch(/^ ?orders is down \(1 min( \d+ s)?\), next try in 1 min \d+ s: no route$/)
  expect(told[2]).toMatch(/^ ?search is running with health fail/)
  expect(told[3]).toMatch(/^ ?w1 is running with health warn/)
  await page.getByRole('link', { name: 'and 2 more' }).click()
  await expect
    .poll(() => page.getByRole('rowheader').allTextContents())
    .toEqual(['search', 'orders', 'db', 'w1', 'w2', 'w3'])
  await page.goBack()
  await expect.poll(() => page.locator('.graph').isVisible()).toBe(true)
})

test('nothing that fails, warns or is down is shown in green: in the table, the graph, the log, the banner', async () => {
  const { url } = await show([
    ['slow', WARN],
    ['dead', FAIL],
    ['lost', { phase: 'backoff', error, attempt: 2, retryAt: Date.now() }],
  ])
  const page = await open(url)
  const tone = async (name: string) => (await rowOf(page, name).locator('td.state .chip').getAttribute('class')) ?? ''
  await expect.poll(() => tone('slow')).toBe('chip warn')
  expect(await tone('dead')).toBe('chip bad')
  expect(await tone('lost')).toBe('chip bad')
  expect(await page.locator('.banner .chip.good').count()).toBe(0)
  await page.getByRole('link', { name: 'Graph' }).click()
  await expect.poll(() => page.locator('.graph .box.bad').count()).toBe(2)
  expect(await page.locator('.graph .box.good').count()).toBe(0)
  await page.getByRole('link', { name: 'Events' }).click()
  await expect.poll(() => page.getByRole('row', { name: /dead running, fail/ }).count()).toBe(1)
  expect(
    await page
      .getByRole('row', { name: /dead running, fail/ })
      .locator('.chip.bad')
      .count(),
  ).toBe(1)
})

test('a service in backoff says when it is tried again, counting down, in the table and the drawer', async () => {
  const { url } = await show([['orders', { phase: 'backoff', error, attempt: 3, retryAt: Date.now() + 4_000 }]])
  const page = await open(`${url}#services?open=shop%2Forders`)
  const cell = () => rowOf(page, 'orders').locator('td.waits-for').textContent()
  await expect.poll(cell).toMatch(/^next try in [1-4] s$/)
  const drawer = page.getByRole('complementary').locator('.chips').first()
  expect(await drawer.textContent()).toMatch(/next try (in [1-4] s|now)/)
  await expect.poll(cell).toBe('next try now')
})

test('leaving counts from the moment it began, not from the moment it came up', async () => {
  const { url } = await show([['db', { ...RUNNING, leaving: reason }]], { ...RUNNING, leaving: reason })
  const page = await open(`${url}#services?open=shop%2Fdb`)
  await expect.poll(() => rowOf(page, 'db').locator('td.for').textContent()).toMatch(/^1 min( \d+ s)?$/)
  expect(await page.getByRole('complementary').locator('.chips .soft').textContent()).toMatch(/^for 1 min( \d+ s)?$/)
})
