import type { Page } from 'playwright-core'
import type { GroupEvent } from 'rx-service-group'
import { expect, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'
import { type Child, startProgram } from '../support/child.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()
const program = new URL('./programs/watched.ts', import.meta.url)

const started = async (port = 0): Promise<{ readonly child: Child; readonly url: string }> => {
  const child = startProgram(program, { PORT: String(port) })
  const output = await child.says(/"path":"shop","state":\{"phase":"running"/)
  return { child, url: `${/http:\/\/127\.0\.0\.1:\d+/.exec(output)![0]}/` }
}

const textOf = (page: Page, selector: string) => page.locator(selector).first().textContent()
const stateOf = (page: Page, name: string) => rowOf(page, name).locator('td.state').textContent()

/** The timeline in words, without the service that serves the page: that one is never told of its end. */
const timeline = async (page: Page, part: string): Promise<readonly string[]> => {
  await page.getByText(part, { exact: true }).click()
  await page.getByRole('checkbox', { name: 'Show as table' }).check()
  const rows = await page.locator('table.twin tr').allInnerTexts()
  return rows.filter(row => !row.startsWith('dashboard'))
}

test('a shutdown is watched live from its signal to its end, and stays on screen; a replay of it looks the same', async () => {
  const { child, url } = await started()
  const page = await open(url)
  await expect.poll(() => textOf(page, '.banner .chips')).toContain('running')
  expect(await textOf(page, '.story')).toMatch(/^Started in /)

  child.kill('SIGTERM')
  await expect.poll(() => stateOf(page, 'orders')).toBe('draining')
  expect(await stateOf(page, 'db')).toBe('leaving')
  expect(await textOf(page, '.story')).toMatch(
    /^Stopping for .* \(SIGTERM\)\. Waiting for orders \(draining .*, 3 pending\)\. [\d.]+ s left\. $/,
  )
  expect(await page.locator('.gantt [data-path="shop/orders"] .kind-draining').count()).toBe(1)
  expect(await page.locator('.gantt .now').count()).toBe(1)
  const width = async (): Promise<number> => Number(await page.locator('.gantt .now').getAttribute('x1'))
  const before = await width()
  await expect.poll(width).not.toBe(before)
  expect(await textOf(page, '.why')).toMatch(/^Not ready for .*: it is leaving \(SIGTERM\)/)

  await fetch(`${url}go`)
  const { code, output } = await child.ended
  expect(code).toBe(0)
  await expect.poll(() => textOf(page, '.connection')).toMatch(/^data as of \d\d:\d\d:\d\d — the process is gone$/)
  for (const name of ['db', 'orders', 'api']) expect(await stateOf(page, name)).toBe('stopped')
  expect(await page.title()).toBe('shop: gone')
  const live = [await timeline(page, 'Start'), await timeline(page, 'Stop'), await timeline(page, 'All')]
  expect(live[1]![2]).toMatch(/orders.*from \+.* for .*/s)

  const events = output.split('\n').flatMap((line): GroupEvent[] => {
    const told = line.startsWith('{') ? JSON.parse(line) : { kind: 'report' }
    return told.kind === 'report' ? [] : [told]
  })
  const last = events.findIndex(
    e => e.kind === 'transition' && e.path === 'shop/dashboard' && e.state.phase === 'stopping',
  )
  expect(last).toBeGreaterThan(0)
  const recorded = events.slice(0, last + 1)
  const group = played('shop')
  const replay = await listen(serve(group))
  group.play(...recorded)
  group.end()
  const again = await open(replay.url)
  await expect.poll(() => textOf(again, '.connection')).toContain('the process is gone')
  expect([await timeline(again, 'Start'), await timeline(again, 'Stop'), await timeline(again, 'All')]).toEqual(live)
  for (const name of ['db', 'orders', 'api']) expect(await stateOf(again, name)).toBe('stopped')
})

test('what was seen of the old process stays until the new one has told its own', async () => {
  const served = (name: string) => {
    const { snapshot, becomes } = story('shop', [name])
    const group = played('shop')
    return { group, play: () => group.play(snapshot, becomes(name, { phase: 'running', health: 'pass' })) }
  }
  const [old, young] = [served('db'), served('api')]
  const first = await listen(serve(old.group))
  old.play()
  const page = await open(first.url)
  await expect.poll(() => stateOf(page, 'db')).toBe('running')
  await first.close()
  await expect.poll(() => textOf(page, '.connection')).toContain('reconnecting…')
  await listen(serve(young.group), Number(new URL(first.url).port))
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  expect(await stateOf(page, 'db')).toBe('running')
  young.play()
  await expect.poll(() => stateOf(page, 'api')).toBe('running')
  expect(await rowOf(page, 'db').count()).toBe(0)
})

test('a process that has said goodbye is asked again now and then, and believed', async () => {
  const { snapshot } = story('shop', ['db'])
  const group = played('shop')
  const listener = serve(group)
  const asked: number[] = []
  const { url } = await listen((request, response) => {
    if (request.url === '/events') asked.push(performance.now())
    listener(request, response)
  })
  group.play(snapshot)
  const page = await open(url)
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  group.end()
  await expect.poll(() => textOf(page, '.connection')).toContain('the process is gone')
  const said = await textOf(page, '.connection')
  await expect.poll(() => asked.length).toBe(3)
  expect(asked[2]! - asked[1]!).toBeGreaterThan(1_500)
  expect(await textOf(page, '.connection')).toBe(said)
})

test('the page goes over to a new process by itself, and shows the old one until then', async () => {
  const first = await started()
  const page = await open(first.url)
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  const pid = await page.getByText(/^pid/).textContent()
  first.child.kill('SIGKILL')
  await expect.poll(() => textOf(page, '.connection')).toMatch(/^reconnecting… \(data as of/)
  expect(await stateOf(page, 'db')).toBe('running')
  await first.child.ended
  const second = await started(Number(new URL(first.url).port))
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  await expect.poll(() => page.getByText(/^pid/).textContent()).not.toBe(pid)
  expect(await stateOf(page, 'db')).toBe('running')
  // What was killed has no shutdown: all of its life is shown.
  await page.getByRole('link', { name: 'previous run' }).click()
  await expect.poll(() => page.locator('.gantt .row').count()).toBe(4)
  expect(await page.getByText(/^pid/).textContent()).toBe(pid)
  await page.getByRole('link', { name: 'Show the present one' }).click()
  await page.getByRole('link', { name: 'Services', exact: true }).click()
  second.child.kill('SIGTERM')
  await expect.poll(() => stateOf(page, 'orders')).toBe('draining')
  await fetch(`${second.url}go`)
  await second.child.ended
  await expect.poll(() => textOf(page, '.connection')).toContain('the process is gone')
  const third = await started(Number(new URL(first.url).port))
  await expect.poll(() => textOf(page, '.connection')).toBe('live')
  await expect.poll(() => stateOf(page, 'orders')).toBe('running')
  third.child.kill('SIGKILL')
})
