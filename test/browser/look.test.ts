import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const reason = { by: 'signal', signal: 'SIGTERM' } as const
const error = {
  name: 'Error',
  message: `no route to ${'a-host-with-a-long-name.'.repeat(4)}example`,
  code: 'ERR_X',
  stack: `Error: no route\n${'    at here\n'.repeat(40)}`,
}

/** A bit of everything. */
const everything = async (): Promise<string> => {
  const services = [
    'config',
    'db',
    'cache',
    'orders',
    'api',
    'mailer',
    'a-service-with-a-name-that-is-longer-than-most-people-like',
  ]
  const { snapshot, becomes } = story(
    'shop',
    services.map((name, i) => [name, i > 0 ? { dependsOn: [services[i - 1]!] } : {}] as const),
    Date.now() - 9_000,
  )
  const group = played('shop')
  const { url } = await listen(
    serve({ ...group, restart: async () => {}, stop: async () => {} }, { token: 'open sesame, please' }),
  )
  const running = { phase: 'running', health: 'pass' } as const
  group.play(
    snapshot,
    becomes('', { phase: 'starting', attempt: 1 }),
    ...services.map((name, i) => becomes(name, { phase: 'starting', attempt: 1 }, i * 100)),
    ...services.map((name, i) => becomes(name, running, 500 + i * 200)),
    becomes('', running, 2_000),
    becomes('', { ...running, leaving: reason }, 5_000),
    becomes('config', { ...running, leaving: reason }, 5_000),
    becomes('db', { phase: 'draining', reason, pending: 4 }, 5_000),
    becomes('', { phase: 'draining', reason, deadline: Date.now() + 20_000 }, 5_000),
    becomes('cache', { phase: 'running', health: 'warn', detail: 'slow' }, 5_001),
    becomes('orders', { phase: 'backoff', error, attempt: 2, retryAt: 0 }, 5_001),
    becomes('api', { phase: 'stopping', reason }, 5_002),
    becomes('api', { phase: 'stopped', how: 'forced', error }, 6_002),
    becomes('mailer', { phase: 'failed', error }, 6_002),
  )
  return url
}

/** Settles once nothing fades any more: what axe sees is what people see. */
const audit = async (page: Page, what: string): Promise<void> => {
  // The policy of the page lets no script in; axe goes past it, as a tool of the browser does.
  await page.evaluate(axe)
  const found = await page.evaluate<readonly { id: string; nodes: { target: string[]; failureSummary: string }[] }[]>(
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] }).then(r => r.violations)',
  )
  const told = found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  )
  expect(told, what).toEqual([])
}

test.each(['light', 'dark'] as const)(
  'axe finds nothing in %s colours: screens, drawer, table twin, dialog',
  async colorScheme => {
    const page = await open(await everything(), { colorScheme })
    await expect.poll(() => rowOf(page, 'mailer').locator('td.state').textContent()).toBe('failed')
    await audit(page, 'services')
    const screens = [
      ['Timeline', '.gantt'],
      ['Graph', '.graph'],
      ['Events', '.events'],
      ['Services', '.services'],
    ] as const
    for (const [screen, selector] of screens) {
      await page.getByRole('link', { name: screen, exact: true }).click()
      await expect.poll(() => page.locator(selector).isVisible()).toBe(true)
      await audit(page, screen)
    }
    await page.getByRole('link', { name: 'Timeline' }).click()
    await page.getByRole('checkbox', { name: 'Show as table' }).check()
    await expect.poll(() => page.locator('.twin').isVisible()).toBe(true)
    await audit(page, 'table twin')
    await page.getByRole('checkbox', { name: 'Show as table' }).uncheck()
    await page.getByRole('link', { name: 'Services', exact: true }).click()
    await page.getByRole('rowheader').getByRole('button', { name: 'mailer' }).click()
    await expect.poll(() => page.getByRole('complementary').isVisible()).toBe(true)
    for (const [screen, selector] of screens) {
      await page.getByRole('link', { name: screen, exact: true }).click()
      await expect.poll(() => page.locator(selector).isVisible()).toBe(true)
      await audit(page, `${screen} with the drawer`)
    }
    await page.getByRole('link', { name: 'Events' }).click()
    await page
      .getByRole('cell', { name: /no route/ })
      .first()
      .click()
    await audit(page, 'an event in the drawer')
    await page.getByRole('button', { name: 'Start…' }).click()
    await expect.poll(() => page.getByRole('dialog').isVisible()).toBe(true)
    await audit(page, 'dialog')
    await page.keyboard.press('Escape')
    await page.evaluate('document.documentElement.toggleAttribute("data-stale", true)')
    await audit(page, 'stale')
  },
  120_000,
)

test('colours follow the system, unless the reader chooses', async () => {
  const page = await open(await everything(), { colorScheme: 'dark' })
  const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  const [dark, light] = ['rgb(15, 19, 24)', 'rgb(244, 246, 248)']
  await expect.poll(background).toBe(dark)
  await page.emulateMedia({ colorScheme: 'light' })
  await expect.poll(background).toBe(light)
  await page.getByRole('banner').getByRole('combobox').selectOption('dark')
  await expect.poll(background).toBe(dark)
  await page.reload()
  await expect.poll(background).toBe(dark)
})

test.each([360, 768])('at %i pixels nothing makes the page scroll sideways', async width => {
  const page = await open(await everything(), { viewport: { width, height: 800 } })
  const tooWide = () => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  for (const [screen, selector] of [
    ['Services', 'table.services'],
    ['Timeline', '.gantt'],
    ['Graph', '.graph'],
    ['Events', '.events'],
  ] as const) {
    await page.getByRole('link', { name: screen, exact: true }).click()
    await expect.poll(() => page.locator(selector).isVisible()).toBe(true)
    expect(await tooWide(), screen).toBeLessThanOrEqual(0)
  }
  await page.getByRole('link', { name: 'Timeline' }).click()
  await page.getByRole('checkbox', { name: 'Show as table' }).check()
  expect(await tooWide(), 'table twin').toBeLessThanOrEqual(0)
  await page.getByRole('link', { name: 'Services', exact: true }).click()
  await page.getByRole('rowheader').getByRole('button', { name: 'mailer' }).click()
  expect(await tooWide(), 'drawer').toBeLessThanOrEqual(0)
  const state = rowOf(page, 'mailer').locator('td.state')
  expect(await state.isVisible()).toBe(true)
})

test('who wants no motion gets a picture that moves once a second at most', async () => {
  const page = await open(await everything(), { reducedMotion: 'reduce' })
  await expect.poll(() => page.locator('.gantt .now').count()).toBe(1)
  const moves = await page.evaluate<number>(`new Promise(resolve => {
    let moves = 0
    const observer = new MutationObserver(changes => { moves += changes.length })
    observer.observe(document.querySelector('.gantt .now'), { attributes: true, attributeFilter: ['x1'] })
    setTimeout(() => resolve(moves), 1500)
  })`)
  expect(moves).toBeGreaterThan(0)
  expect(moves).toBeLessThanOrEqual(2)
})

test('where the system gives the colours, states, bars, lines and what is chosen can still be told apart', async () => {
  const page = await open(`${await everything()}#timeline`, { forcedColors: 'active' })
  await expect.poll(() => page.locator('.gantt .bar').count()).toBeGreaterThan(5)
  const style = (selector: string, name: string) =>
    page.evaluate<string>(
      `getComputedStyle(document.querySelector(${JSON.stringify(selector)})).getPropertyValue(${JSON.stringify(name)})`,
    )
  // Fills of an SVG are not forced: a bar stands out from the ground, and so does its text.
  const ground = await style('section', 'background-color')
  expect(await style('.gantt .bar', 'stroke')).not.toBe(ground)
  expect(await style('.gantt .inside', 'fill')).not.toBe(ground)
  expect(await style('.gantt .label', 'fill')).not.toBe(ground)
  expect(await style('.gantt .future', 'fill')).toBe(ground)
  expect(await style('.segments input:checked + span', 'background-color')).not.toBe(ground)
  expect(await style('nav [aria-current]', 'border-bottom-color')).not.toBe(await style('nav a', 'border-bottom-color'))
  expect(await style('.chip', 'border-top-style')).toBe('solid')
  await page.getByRole('link', { name: 'Graph' }).click()
  await expect.poll(() => page.locator('.graph .box').count()).toBeGreaterThan(5)
  expect(await style('.graph .box rect', 'stroke')).not.toBe(ground)
  expect(await style('.graph .label', 'fill')).not.toBe(await style('.graph .box rect', 'fill'))
  expect(await style('.graph .edges path', 'stroke')).not.toBe(ground)
})

test('on paper there is nothing to press, nothing is cut off, and dark colours are light', async () => {
  const page = await open(`${await everything()}#services?open=shop%2Fmailer`, { colorScheme: 'dark' })
  await expect.poll(() => page.getByRole('complementary').isVisible()).toBe(true)
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  const shown = (selector: string) => page.locator(selector).first().isVisible()
  for (const selector of ['nav', '.tools .search', '.theme', '.danger', '.close', '.copy', '.acts'])
    expect(await shown(selector), selector).toBe(false)
  expect(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)')
  expect(await page.evaluate<string>('getComputedStyle(document.querySelector(".drawer")).position')).toBe('static')
  const cut = await page.evaluate<readonly string[]>(
    `[...document.querySelectorAll('.drawer, .drawer pre, .services td, .services th')]
      .filter(node => node.scrollHeight > node.clientHeight + 1 && getComputedStyle(node).overflowY !== 'visible')
      .map(node => node.className + ' ' + node.textContent.slice(0, 30))`,
  )
  expect(cut).toEqual([])
  for (const row of ['.services tbody tr', '.gantt .row'])
    expect(await page.evaluate<string>(`getComputedStyle(document.querySelector('${row}')).contentVisibility`)).toBe(
      'visible',
    )
  expect((await page.pdf()).length).toBeGreaterThan(1_000)
})
