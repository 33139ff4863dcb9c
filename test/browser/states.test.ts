import type { ServiceState, ServiceStatus } from 'rx-service-group'
import { expect, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const error = { name: 'Error', message: 'no route to host\n  at all', stack: 'Error: no route\n    at <anonymous>' }
const reason = { by: 'signal', signal: 'SIGTERM' } as const

/** Every state a service can be in, what the page calls it, and its glyph. */
const STATES: readonly (readonly [name: string, state: ServiceState, text: string, glyph: string])[] = [
  ['s01', { phase: 'idle' }, 'idle', 'idle'],
  ['s02', { phase: 'waiting', for: ['another'] }, 'waiting', 'waiting'],
  ['s03', { phase: 'starting', attempt: 1 }, 'starting', 'starting'],
  ['s04', { phase: 'running', health: 'pass' }, 'running', 'running'],
  ['s05', { phase: 'running', health: 'pass', leaving: reason }, 'leaving', 'leaving'],
  ['s06', { phase: 'draining', reason, pending: 7 }, 'draining', 'draining'],
  ['s07', { phase: 'drained' }, 'drained', 'drained'],
  ['s08', { phase: 'drained', timedOut: true }, 'drained, late', 'drained'],
  ['s09', { phase: 'stopping', reason }, 'stopping', 'stopping'],
  ['s10', { phase: 'backoff', error, attempt: 2, retryAt: 0 }, 'backoff', 'backoff'],
  ['s11', { phase: 'stopped', how: 'stopped' }, 'stopped', 'stopped'],
  ['s12', { phase: 'stopped', how: 'ended' }, 'ended', 'ended'],
  ['s13', { phase: 'stopped', how: 'forced' }, 'forced', 'forced'],
  ['s14', { phase: 'stopped', how: 'abandoned' }, 'abandoned', 'abandoned'],
  ['s15', { phase: 'failed', error }, 'failed', 'failed'],
]

const show = async (
  states: readonly (readonly [string, ServiceState, ...unknown[]])[],
  more: Readonly<Record<string, Partial<ServiceStatus>>> = {},
) => {
  const { snapshot, becomes } = story(
    'shop',
    states.map(([name]) => [name, more[name] ?? {}] as const),
  )
  const group = played('shop')
  const { url } = await listen(serve(group))
  group.play(
    snapshot,
    becomes('', { phase: 'starting', attempt: 1 }),
    ...states.map(([name, state]) => becomes(name, state)),
  )
  return { url, group, becomes }
}

test('every state is shown with its glyph and its name, in the table, in the graph and in the log', async () => {
  const { url } = await show(STATES)
  const page = await open(url)
  for (const [name, , text, glyph] of STATES) {
    const chip = rowOf(page, name).locator('td.state .chip')
    await expect.poll(() => chip.textContent()).toBe(text)
    expect(await chip.locator('svg').getAttribute('data-glyph')).toBe(glyph)
  }
  await page.getByRole('link', { name: 'Graph' }).click()
  for (const [name, , text, glyph] of STATES) {
    const box = page.locator(`.graph [data-path="shop/${name}"]`)
    await expect.poll(() => box.locator('.word').textContent()).toBe(text)
    expect(await box.locator('.glyph').getAttribute('data-glyph')).toBe(glyph)
  }
  await page.getByRole('link', { name: 'Events' }).click()
  for (const [name, , text] of STATES.slice(1))
    await expect
      .poll(() =>
        page
          .getByRole('row', { name: `${name} ${text}` })
          .first()
          .isVisible(),
      )
      .toBe(true)
})

test('health that is not good is told with a glyph, its name and its reason', async () => {
  const { url } = await show([
    ['slow', { phase: 'running', health: 'warn', detail: 'takes 2.3 s' }],
    ['dead', { phase: 'running', health: 'fail', detail: 'answers nothing' }],
  ])
  const page = await open(url)
  const cell = (name: string) => rowOf(page, name).locator('td.health')
  await expect.poll(() => cell('slow').textContent()).toBe('warntakes 2.3 s')
  expect(await cell('slow').locator('svg').getAttribute('data-glyph')).toBe('warn')
  expect(await cell('dead').textContent()).toBe('failanswers nothing')
  expect(await cell('dead').locator('svg').getAttribute('data-glyph')).toBe('unwell')
})

test('the banner says why it is not ready, and who waits through whom', async () => {
  const { url } = await show(
    [
      ['db', { phase: 'starting', attempt: 1 }],
      ['orders', { phase: 'waiting', for: ['db'] }],
      ['api', { phase: 'waiting', for: ['orders'] }],
    ],
    { orders: { dependsOn: ['db'] }, api: { dependsOn: ['orders'] } },
  )
  const page = await open(url)
  const why = page.locator('.why')
  await expect.poll(() => why.textContent()).toMatch(/^Not ready for \d+ s: it is starting/)
  expect(await why.textContent()).toMatch(/db is starting \(\d+ s\) — orders waits for it, api through orders$/)
})

test('a name and an error that hold HTML are shown as text', async () => {
  const name = '<img src=x onerror=alert(1)>'
  const bad = { name: 'Error', message: '<b>bold</b> & <script>alert(2)</script>', stack: '<i>at</i>' }
  const { url } = await show([[name, { phase: 'failed', error: bad }]])
  const page = await open(url)
  await expect.poll(() => page.getByRole('rowheader').textContent()).toBe(name)
  expect(await page.locator('td.last-error').textContent()).toBe(bad.message)
  expect(await page.locator('.why').textContent()).toContain(`${name} has failed`)
  await page.getByRole('button', { name }).first().click()
  expect(await page.getByRole('complementary').textContent()).toContain(bad.message)
  for (const screen of ['Timeline', 'Graph', 'Events'])
    await page.getByRole('link', { name: screen, exact: true }).click()
  await expect.poll(() => page.getByRole('cell', { name: bad.message }).first().isVisible()).toBe(true)
  expect(await page.locator('main img, main b, main i, #page script').count()).toBe(0)
})

test('a group without services says so', async () => {
  const { url } = await show([])
  const page = await open(url)
  await expect.poll(() => page.getByText('This group has no services.').isVisible()).toBe(true)
})

test('title, icon and the live region tell of the state of the group', async () => {
  const { url, group, becomes } = await show([['db', { phase: 'running', health: 'pass' }]])
  const page = await open(url)
  await expect.poll(() => page.title()).toBe('shop: starting')
  const icon = page.locator('link[rel=icon]')
  const before = await icon.getAttribute('href')
  expect(before).toMatch(/^data:image\/svg\+xml,/)
  group.play(becomes('', { phase: 'running', health: 'pass' }))
  await expect.poll(() => page.title()).toBe('shop: running')
  expect(await icon.getAttribute('href')).not.toBe(before)
  const region = page.locator('p[role=status]')
  expect(await region.textContent()).toBe('shop: running, healthy, ready')
  group.play(becomes('', { phase: 'running', health: 'warn' }))
  await expect.poll(() => region.textContent()).toBe('shop: running, warn, ready')
})

test('foreign text neither turns nor breaks what stands around it, and a name of blanks can be pressed', async () => {
  const turned = 'rtl\u202eevil'
  const bad = { name: 'Error', message: 'first\u202e\u001b[2J\nsecond', stack: 'Error: first\n\u2066    at x' }
  const { url } = await show([
    [turned, { phase: 'failed', error: bad }],
    ['   ', { phase: 'running', health: 'pass', detail: 'two\nlines\u202e' }],
    ['x'.repeat(300), { phase: 'running', health: 'warn' }],
  ])
  const page = await open(`${url}#services`, { viewport: { width: 390, height: 844 } })
  await page.getByRole('rowheader').getByRole('button', { name: '"   "' }).click()
  await expect.poll(() => page.getByRole('complementary').isVisible()).toBe(true)
  await page.getByRole('button', { name: 'Close details' }).click()
  await page.getByRole('rowheader').getByRole('button', { name: 'rtl\\u202eevil' }).click()
  await expect.poll(() => page.locator('.error-view').innerText()).toContain('first\\u202e\\x1b[2J\nsecond')
  expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
  await page.getByRole('button', { name: 'Close details' }).click()
  for (const screen of ['Timeline', 'Graph', 'Events', 'Services']) {
    await page.getByRole('link', { name: screen, exact: true }).click()
    await expect.poll(() => page.getByRole('heading', { level: 2 }).first().isVisible()).toBe(true)
    expect(await page.evaluate<boolean>('/[\u202a-\u202e\u2066-\u2069\u001b]/.test(document.body.innerText)')).toBe(
      false,
    )
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
  }
})
