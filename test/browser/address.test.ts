import { expect, test } from 'vitest'
import { useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const RUNNING = { phase: 'running', health: 'pass' } as const

const shop = async (names: readonly string[] = ['db', 'api', 'mailer']) => {
  const { snapshot, becomes } = story('shop', names)
  const group = played('shop')
  const { url } = await listen(serve(group))
  group.play(
    snapshot,
    becomes('', { phase: 'starting', attempt: 1 }),
    ...names.map(name => becomes(name, RUNNING)),
    becomes('', RUNNING),
  )
  return { url, group, becomes }
}

test('a link to one service opens it, for whoever follows the link', async () => {
  const { url } = await shop()
  const page = await open(url)
  await page.getByRole('button', { name: 'api', exact: true }).click()
  await expect.poll(() => page.getByRole('complementary', { name: 'shop/api' }).isVisible()).toBe(true)
  const other = await open(page.url())
  await expect.poll(() => other.getByRole('complementary', { name: 'shop/api' }).isVisible()).toBe(true)
})

test('back and forward go through tabs, services, parts of the timeline and filters', async () => {
  const { url } = await shop()
  const page = await open(url)
  const drawer = page.getByRole('complementary')
  await page.getByRole('link', { name: 'Timeline' }).click()
  await page.getByText('Stop', { exact: true }).click()
  await expect.poll(() => page.getByText('Nothing has asked it to stop.').isVisible()).toBe(true)
  await page.getByRole('link', { name: 'Services', exact: true }).click()
  await page.getByRole('button', { name: 'db', exact: true }).click()
  await expect.poll(() => drawer.count()).toBe(1)
  await page.getByLabel('Health').selectOption('fail')
  await expect.poll(() => page.getByText('No service is like that.').isVisible()).toBe(true)
  await page.goBack()
  await expect.poll(() => page.getByRole('rowheader').count()).toBe(3)
  await page.goBack()
  await expect.poll(() => drawer.count()).toBe(0)
  await page.goBack()
  await expect.poll(() => page.getByRole('radio', { name: 'Stop' }).isChecked()).toBe(true)
  await page.goBack()
  await expect.poll(() => page.getByRole('radio', { name: 'Start' }).isChecked()).toBe(true)
  await page.goForward()
  await expect.poll(() => page.getByRole('radio', { name: 'Stop' }).isChecked()).toBe(true)
})

test('a reload shows the same; what is typed makes no steps to go back through', async () => {
  const { url } = await shop()
  const page = await open(`${url}#events`)
  await page.getByRole('link', { name: 'Services', exact: true }).click()
  await page.getByLabel('Filter services by name or state').pressSequentially('mail')
  await expect.poll(() => page.getByRole('rowheader').allTextContents()).toEqual(['mailer'])
  await page.reload()
  await expect.poll(() => page.getByRole('rowheader').allTextContents()).toEqual(['mailer'])
  await page.goBack()
  await expect.poll(() => page.locator('table.events').isVisible()).toBe(true)
})

test('columns are sorted by their heads, and say so', async () => {
  const { url } = await shop()
  const page = await open(url)
  const names = () => page.getByRole('rowheader').allTextContents()
  const head = page.getByRole('columnheader', { name: 'Service' })
  await expect.poll(names).toEqual(['db', 'api', 'mailer'])
  expect(await head.getAttribute('aria-sort')).toBe('none')
  await head.getByRole('button').click()
  await expect.poll(names).toEqual(['api', 'db', 'mailer'])
  expect(await head.getAttribute('aria-sort')).toBe('ascending')
  await head.getByRole('button').click()
  await expect.poll(names).toEqual(['mailer', 'db', 'api'])
  expect(await head.getAttribute('aria-sort')).toBe('descending')
  await head.getByRole('button').click()
  await expect.poll(names).toEqual(['db', 'api', 'mailer'])
})

test.each([
  ['words of the language', '#services?open=__proto__&sort=constructor&state=toString&health=%00&event=NaN'],
  ['HTML', '#services?open=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&find=%3Cscript%3E'],
  ['a long text', `#events?log=${'('.repeat(5_000)}`],
  ['a path upwards', '#services?open=mailer%2F..%2F..&part=%ff%fe'],
  ['no encoding', '#%E0%A4%A?%'],
  ['a name that two services have', '#services?open=workers'],
])('an address with %s does no harm', async (_, hash) => {
  const { url } = await shop(['db', 'inner', 'inner/workers', 'others', 'others/workers'])
  const page = await open(`${url}${hash}`)
  await expect.poll(() => page.getByRole('link', { name: 'Graph' }).isVisible()).toBe(true)
  await page.getByRole('link', { name: 'Services', exact: true }).click()
  await expect.poll(() => page.getByRole('heading', { name: 'Services' }).isVisible()).toBe(true)
  expect(await page.locator('main img, main script, .drawer img').count()).toBe(0)
})
