import { expect, test } from 'vitest'
import { useBrowser } from '../support/browser.ts'
import { idle, story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const RUNNING = { phase: 'running', health: 'pass' } as const
const DAY = 24 * 3_600_000

test('a history that was cut says since when it is whole: in the log, the timeline and the drawer', async () => {
  const begun = Date.now() - 3_600_000
  const up = { state: RUNNING, startedAt: begun, readyAt: begun + 50, since: begun + 50, seq: 7 }
  const group = played('shop')
  const { url } = await listen(serve(group))
  const at = Date.now() - 60_000
  group.play(
    {
      kind: 'snapshot',
      seq: 9,
      at,
      health: 'pass',
      group: idle('shop', begun, up),
      services: [idle('shop/db', begun, up)],
    },
    { kind: 'transition', seq: 10, at: at + 5, path: 'shop/db', state: { ...RUNNING, health: 'warn' } },
  )
  const said = /^History begins at \d\d:\d\d:\d\d\./
  const page = await open(`${url}#events?open=shop%2Fdb`)
  await expect.poll(() => page.locator('main .beginning').textContent()).toMatch(said)
  expect(await page.locator('.drawer .beginning').textContent()).toMatch(said)
  await page.goto(`${url}#timeline?part=all`)
  await expect.poll(() => page.locator('main .beginning').textContent()).toMatch(said)
})

test('a group that was watched from its beginning says nothing of the kind', async () => {
  const { snapshot, becomes } = story('shop', ['db'])
  const group = played('shop')
  const { url } = await listen(serve(group))
  group.play(snapshot, becomes('', { phase: 'starting', attempt: 1 }), becomes('db', RUNNING), becomes('', RUNNING))
  const page = await open(`${url}#events?open=shop%2Fdb`)
  await expect.poll(() => page.locator('table.events tbody tr').count()).toBe(4)
  expect(await page.locator('.beginning').count()).toBe(0)
})

test('moments of another day are told with their date: in the log, the drawer, the timeline, and of a recording', async () => {
  const ago = Date.now() - 3 * DAY
  const date = new RegExp(`^${new Date(ago).getFullYear()}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d`)
  const { snapshot, becomes } = story('shop', ['db'], ago)
  const group = played('shop')
  const { url } = await listen(serve(group))
  group.play(snapshot, becomes('', { phase: 'starting', attempt: 1 }), becomes('db', RUNNING), becomes('', RUNNING))
  const page = await open(`${url}#events?open=shop%2Fdb`)
  await expect.poll(() => page.locator('table.events tbody td.time').first().textContent()).toMatch(date)
  expect(await page.locator('.history .number').first().textContent()).toMatch(date)
  await page.goto(`${url}#timeline`)
  await expect.poll(() => page.getByText(/^began at/).textContent()).toMatch(/^began at \d{4}-/)
  group.play(becomes('db', { ...RUNNING, health: 'warn' }, 3 * DAY))
  await page.goto(`${url}#events`)
  await expect.poll(() => page.locator('table.events tbody td.time').first().textContent()).toMatch(/^\d\d:\d\d:/)
  const recording = played('shop')
  const { url: other } = await listen(serve(recording))
  recording.play(snapshot)
  recording.end()
  const past = await open(other)
  await expect.poll(() => past.locator('.connection').textContent()).toMatch(/^data as of \d{4}-\d\d-\d\d \d\d:\d\d/)
})
