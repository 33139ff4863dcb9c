import { serviceGroup } from 'rx-service-group'
import { fakeService } from 'rx-service-group/testing'
import { expect, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const RUNNING = { phase: 'running', health: 'pass' } as const

const shop = async (names: readonly string[]) => {
  const { snapshot, becomes } = story('shop', names)
  const group = played('shop')
  const { url } = await listen(serve(group))
  group.play(snapshot, ...names.map(name => becomes(name, RUNNING)), becomes('', RUNNING))
  return { url, group, becomes }
}

test('the filter finds services by name and by state; problems come first when asked', async () => {
  const { url, group, becomes } = await shop(['db', 'api', 'mailer'])
  group.play(becomes('mailer', { phase: 'failed', error: { name: 'Error', message: 'no' } }))
  const page = await open(url)
  const names = () => page.getByRole('rowheader').allTextContents()
  await expect.poll(names).toEqual(['db', 'api', 'mailer'])
  await page.getByLabel('Problems first').check()
  await expect.poll(names).toEqual(['mailer', 'db', 'api'])
  await page.getByLabel('Problems first').uncheck()
  const filter = page.getByLabel('Filter services by name or state')
  await filter.fill('AP')
  await expect.poll(names).toEqual(['api'])
  await filter.fill('failed')
  await expect.poll(names).toEqual(['mailer'])
  await filter.fill('nobody')
  await expect.poll(() => page.getByText('No service matches “nobody”.').isVisible()).toBe(true)
})

test('a log that is paused stands still, counts what is new, and loses nothing', async () => {
  const { url, group, becomes } = await shop(['db', 'api'])
  const page = await open(`${url}#events`)
  const rows = page.locator('table.events tbody tr')
  await expect.poll(() => rows.count()).toBe(4)
  await page.getByRole('button', { name: 'Pause' }).click()
  const many = Array.from({ length: 6_000 }, (_, i) => becomes('db', { ...RUNNING, detail: `change ${i}` }))
  group.play(...many)
  await expect.poll(() => page.locator('.fresh').textContent()).toBe('+6000 new')
  expect(await rows.count()).toBe(4)
  await page.getByRole('button', { name: 'Go on' }).click()
  await expect.poll(() => rows.first().locator('.detail').textContent()).toBe('change 5999')
  const filter = page.getByLabel('Filter events by text or path')
  await filter.fill('change 1234')
  await expect.poll(() => rows.count()).toBe(1)
  await filter.fill('shop/api')
  await expect.poll(() => rows.allTextContents()).toEqual([])
})

test('everything can be reached and used with the keyboard alone', async () => {
  const { url, group, becomes } = await shop(['db', 'api'])
  const error = {
    name: 'Error',
    message: 'lost',
    stack: 'Error: lost\n    at here',
    cause: { name: 'Error', message: 'cable' },
  }
  group.play(becomes('api', { phase: 'failed', error }))
  const page = await open(url)
  await expect.poll(() => rowOf(page, 'api').locator('td.state').textContent()).toBe('failed')
  const focused = () =>
    page.evaluate<string>('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent')
  const outlined = () => page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle')

  await page.keyboard.press('Tab')
  expect(await focused()).toBe('Skip to the services')
  expect(await outlined()).toBe('solid')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  expect(await page.evaluate<string>('document.activeElement.type')).toBe('search')
  // Past the filters and the heads of the columns.
  for (let tabs = 0; tabs < 20 && (await focused()) !== 'db'; tabs++) await page.keyboard.press('Tab')
  expect(await focused()).toBe('db')
  expect(await outlined()).toBe('solid')
  await page.keyboard.press('ArrowDown')
  expect(await focused()).toBe('api')

  await page.keyboard.press('Enter')
  const drawer = page.getByRole('complementary', { name: 'shop/api' })
  await expect.poll(() => drawer.isVisible()).toBe(true)
  expect(await drawer.textContent()).toMatch(/lost.*Stack.*caused by.*cable.*History/s)
  await page.keyboard.press('Tab')
  expect(await focused()).toBe('Close details')
  await page.keyboard.press('Escape')
  await expect.poll(() => drawer.count()).toBe(0)
  expect(await focused()).toBe('api')

  const timeline = page.getByRole('radio', { name: 'Stop' })
  for (let tabs = 0; tabs < 10 && !(await page.evaluate<boolean>('document.activeElement.type === "radio"')); tabs++)
    await page.keyboard.press('Tab')
  await page.keyboard.press('ArrowRight')
  await expect.poll(() => timeline.isChecked()).toBe(true)
  await expect.poll(() => page.getByText('Nothing has asked it to stop.').isVisible()).toBe(true)
})

test('a restart and a stop ask first, ask for the token, and tell what went wrong', async () => {
  const db = fakeService('db')
  const group = serviceGroup('shop').add(db)
  const { url } = await listen(serve(group, { token: 'open sesame, please' }))
  await group.start()
  const page = await open(url)
  await page.getByRole('button', { name: 'db' }).click()
  await page.getByRole('button', { name: 'Restart…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Restart db?' })
  await dialog.getByLabel('Token').fill('open')
  await dialog.getByRole('button', { name: 'Restart' }).click()
  await expect.poll(() => dialog.getByRole('alert').textContent()).toBe('That is not the token.')
  expect(db.starts).toBe(1)
  await dialog.getByLabel('Token').fill('open sesame, please')
  await dialog.getByRole('button', { name: 'Restart' }).click()
  await expect.poll(() => dialog.count()).toBe(0)
  expect(db.starts).toBe(2)
  await expect.poll(() => rowOf(page, 'db').locator('td.restarts').textContent()).toBe('1')
  await page.getByRole('button', { name: 'Stop the group…' }).click()
  const stop = page.getByRole('dialog', { name: 'Stop shop?' })
  await expect.poll(() => stop.isVisible()).toBe(true)
  expect(await stop.getByLabel('Token').count()).toBe(0)
  await page.keyboard.press('Escape')
  await expect.poll(() => stop.count()).toBe(0)
  expect(group.status.phase).toBe('running')
  await page.getByRole('button', { name: 'Stop the group…' }).click()
  await stop.getByRole('button', { name: 'Stop' }).click()
  await expect.poll(() => page.locator('.connection').textContent()).toContain('the process is gone')
  expect(await page.getByRole('button', { name: 'Stop the group…' }).count()).toBe(0)
})

test('without actions there is nothing to press', async () => {
  const { url } = await shop(['db'])
  const page = await open(url)
  await page.getByRole('button', { name: 'db' }).click()
  await expect.poll(() => page.getByRole('complementary').isVisible()).toBe(true)
  expect(await page.getByText(/^(Restart|Stop the group)…/).count()).toBe(0)
})

test('of a long timeline only what can be seen is drawn, the rest when one gets there; on paper all of it', async () => {
  const names = Array.from({ length: 300 }, (_, i) => `s${i}`)
  const { snapshot, becomes } = story('shop', names)
  const group = played('shop')
  const { url } = await listen(serve(group))
  const starting = { phase: 'starting', attempt: 1 } as const
  group.play(snapshot, becomes('', starting), ...names.map((name, i) => becomes(name, starting, i)))
  const page = await open(`${url}#timeline`)
  const drawn = (path: string) => page.locator(`.gantt [data-path="shop/${path}"] .bar`).count()
  const all = () => page.locator('.gantt .row:has(.bar)').count()
  await expect.poll(() => drawn('s0')).toBe(1)
  expect(await page.locator('.gantt .row .label').count()).toBe(300)
  expect(await drawn('s299')).toBe(0)
  await page.evaluate('scrollTo(0, document.body.scrollHeight)')
  await expect.poll(() => drawn('s299')).toBe(1)
  await expect.poll(() => drawn('s0')).toBe(0)
  await page.evaluate('dispatchEvent(new Event("beforeprint"))')
  await expect.poll(all).toBe(300)
  await page.evaluate('dispatchEvent(new Event("afterprint"))')
  await expect.poll(all).toBeLessThan(150)
})
