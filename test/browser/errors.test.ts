import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { useBrowser } from '../support/browser.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const { open, serve: listen } = useBrowser()

const refused = {
  name: 'Error',
  message: 'connect ECONNREFUSED 10.0.3.7:5432',
  code: 'ECONNREFUSED',
  stack: 'Error: connect ECONNREFUSED 10.0.3.7:5432\n    at connect (net.js:1:2)\n    at pool (pool.js:3:4)',
}
const error = {
  name: 'ServiceError',
  message: 'start failed:\n  no route\n  to host',
  code: 'ERR_START_FAILED',
  stack: `ServiceError: start failed\n${'    at frame (file.js:1:2)\n'.repeat(80)}`,
  cause: { name: 'AggregateError', message: 'all of them', errors: [refused, { name: 'Error', message: 'timed out' }] },
}

const shop = async () => {
  const { snapshot, becomes } = story('shop', ['db', 'api'])
  const group = played('shop')
  const { url } = await listen(serve(group))
  group.play(snapshot, becomes('', { phase: 'starting', attempt: 1 }), becomes('db', { phase: 'failed', error }))
  const failure = {
    kind: 'failure',
    seq: 3,
    at: Date.now(),
    path: 'shop/api',
    what: 'message of queue "orders"',
    error: refused,
  } as const
  group.play(failure)
  return { url, group }
}

/** What somebody would paste, who has pressed the button. */
const pasted = async (page: Page): Promise<string> => {
  await page.evaluate(`document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))`)
  await page.locator('#paste').focus()
  await page.keyboard.press('Control+V')
  const text = await page.locator('#paste').inputValue()
  await page.evaluate('document.querySelector("#paste").remove()')
  return text
}

test('an error is shown line by line, with its stack, its causes and those that came with it', async () => {
  const { url } = await shop()
  const page = await open(`${url}#services?open=shop%2Fdb`)
  const view = page.locator('.drawer .error-view')
  await expect.poll(() => view.count()).toBe(1)
  const text = await view.innerText()
  expect(text).toMatch(/start failed:\n {2}no route\n {2}to host/)
  expect(text).toMatch(/caused by\s+AggregateError all of them\s+with 2 errors/)
  expect(text).toMatch(/ECONNREFUSED connect ECONNREFUSED 10\.0\.3\.7:5432[\s\S]*timed out/)
  const style = await page.evaluate<object>(`(() => {
    const stack = document.querySelector('.drawer .error-view pre')
    const { whiteSpace, fontFamily } = getComputedStyle(stack)
    return { space: whiteSpace, font: fontFamily, scrolls: stack.scrollHeight > stack.clientHeight }
  })()`)
  expect(style).toEqual({ space: 'pre-wrap', font: expect.stringContaining('monospace'), scrolls: true })
  await view.locator('summary').nth(1).click()
  expect(await view.locator('pre').nth(1).innerText()).toContain('\n    at connect (net.js:1:2)\n')
})

test.each([
  ['where the browser lets it', `void 0`],
  [
    'where the browser refuses the clipboard',
    `navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError'))`,
  ],
  [
    'where there is no clipboard, as without https',
    `Object.defineProperty(navigator, 'clipboard', { value: undefined })`,
  ],
])('an error is copied whole, %s', async (_, script) => {
  const { url } = await shop()
  const page = await open('about:blank')
  await page.context().addInitScript(script)
  await page.goto(`${url}#services?open=shop%2Fdb`)
  await page.getByRole('button', { name: 'Copy the error' }).click()
  await expect.poll(() => page.getByRole('button', { name: 'Copied' }).isVisible()).toBe(true)
  const text = await pasted(page)
  expect(text).toMatch(/^ServiceError: start failed:\n {2}no route\n {2}to host \[ERR_START_FAILED\]\n/)
  expect(text).toContain('1) Error: connect ECONNREFUSED 10.0.3.7:5432 [ECONNREFUSED]\n')
  expect(text).toContain('at pool (pool.js:3:4)')
  await expect.poll(() => page.getByRole('button', { name: 'Copy the error' }).isVisible()).toBe(true)
})

test('a line of the log opens with its own error, also of a service that is well', async () => {
  const { url } = await shop()
  const page = await open(`${url}#events`)
  await page.getByRole('cell', { name: /message of queue/ }).click()
  const event = page.getByRole('region', { name: 'Event', exact: true })
  await expect.poll(() => event.isVisible()).toBe(true)
  expect(await event.locator('pre').innerText()).toContain('    at pool (pool.js:3:4)')
  const other = await open(page.url())
  await expect.poll(() => other.getByRole('region', { name: 'Event', exact: true }).locator('pre').count()).toBe(1)
  await page.goBack()
  await expect.poll(() => page.getByRole('complementary').count()).toBe(0)
})
