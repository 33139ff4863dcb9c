import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const RUNNING = { phase: 'running', health: 'pass' } as const

const shop = async () => {
  const names = ['db', 'cache', 'api', 'web']
  const { snapshot, becomes } = story('shop', [
    ['db', { dependsOn: [] }],
    ['cache', { dependsOn: [] }],
    ['api', { dependsOn: ['db'] }],
    ['web', { dependsOn: ['cache'] }],
  ])
  const group = played('shop')
  const { url } = await listen(serve(group))
  group.play(
    snapshot,
    becomes('', { phase: 'starting', attempt: 1 }),
    ...names.map((name, i) => becomes(name, RUNNING, i)),
    becomes('', RUNNING, 5),
  )
  return { url, group, becomes }
}

/** Presses Tab until a row has the focus; fails when it takes more stops than there are controls. */
const tabTo = async (page: Page, selector: string): Promise<void> => {
  const isThere = () => page.evaluate<boolean>(`document.activeElement.matches(${JSON.stringify(selector)})`)
  for (let tabs = 0; tabs < 30 && !(await isThere()); tabs++) await page.keyboard.press('Tab')
  expect(await isThere()).toBe(true)
}

const focused = (page: Page) =>
  page.evaluate<string>(
    'document.activeElement.dataset.path ?? document.activeElement.querySelector?.(".path")?.textContent ?? document.activeElement.textContent',
  )

/** Whether what has the focus looks otherwise than without it. */
const isSeen = (page: Page, part: string) =>
  page.evaluate<boolean>(`(() => {
    const one = document.activeElement
    const look = () => [one, ...one.querySelectorAll(${JSON.stringify(part)})].map(node => {
      const { outlineStyle, outlineColor, stroke, strokeWidth } = getComputedStyle(node)
      return [outlineStyle, outlineColor, stroke, strokeWidth].join()
    }).join(';')
    const before = look()
    one.blur()
    const after = look()
    one.focus()
    return before !== after
  })()`)

test.each([
  ['timeline', '.gantt .row', '.hit', ['shop/db', 'shop/cache', 'shop/api', 'shop/web']],
  ['events', '.events tbody tr', 'td', ['shop', 'web', 'api', 'cache']],
  ['services', '.services tbody button', 'span', ['db', 'cache', 'api', 'web']],
])(
  'rows of the %s are one stop of Tab; arrows move, Enter opens, Escape comes back',
  async (screen, selector, part, names) => {
    const { url, group, becomes } = await shop()
    const page = await open(`${url}#${screen}`)
    await expect.poll(() => page.locator(selector).count()).toBeGreaterThan(3)
    await tabTo(page, selector)
    expect(await focused(page)).toBe(names[0])
    expect(await isSeen(page, part)).toBe(true)
    for (const name of names.slice(1)) {
      await page.keyboard.press('ArrowDown')
      expect(await focused(page)).toBe(name)
    }
    await page.keyboard.press('ArrowUp')
    expect(await focused(page)).toBe(names[2])
    // News draw rows anew; the focus stays.
    group.play(becomes('db', { ...RUNNING, detail: 'news' }, 9))
    await page.keyboard.press('Enter')
    const drawer = page.getByRole('complementary', { name: `shop/${names[2]!.replace('shop/', '')}`, exact: true })
    await expect.poll(() => drawer.isVisible()).toBe(true)
    await page.keyboard.press('Escape')
    await expect.poll(() => drawer.count()).toBe(0)
    expect(await focused(page)).toBe(names[2])
    await page.keyboard.press('End')
    await page.keyboard.press('Home')
    const others = page.locator(`${selector}[tabindex="0"]`)
    expect(await others.count()).toBe(1)
  },
)

test('boxes of the graph are one stop of Tab; arrows go where they point, Enter opens, Escape comes back', async () => {
  const { url } = await shop()
  const page = await open(`${url}#graph`)
  await expect.poll(() => page.locator('.graph .box').count()).toBe(4)
  await tabTo(page, '.graph .box')
  expect(await focused(page)).toBe('shop/db')
  expect(await isSeen(page, 'rect')).toBe(true)
  const path: string[] = []
  for (const key of ['ArrowDown', 'ArrowRight', 'ArrowUp', 'ArrowLeft', 'ArrowUp']) {
    await page.keyboard.press(key)
    path.push(await focused(page))
  }
  expect(path).toEqual(['shop/api', 'shop/web', 'shop/cache', 'shop/db', 'shop/db'])
  await page.keyboard.press(' ')
  await expect.poll(() => page.getByRole('complementary', { name: 'shop/db' }).isVisible()).toBe(true)
  await page.keyboard.press('Escape')
  await expect.poll(() => page.getByRole('complementary').count()).toBe(0)
  expect(await focused(page)).toBe('shop/db')
})
