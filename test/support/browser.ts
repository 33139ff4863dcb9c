import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, inject, vi } from 'vitest'

/** What a test file does in the browser of the run. Pages and servers do not outlive their test. */
export interface Tabs {
  open(url: string, options?: BrowserContextOptions): Promise<Page>
  /** Serves on a free port; the address of its root. */
  serve(listener: RequestListener, port?: number): Promise<{ readonly url: string; close(): Promise<void> }>
}

/** The row of a service, by its name. */
export const rowOf = (page: Page, name: string): Locator =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) })

/** What a page complains of fails its test. */
export const useBrowser = (): Tabs => {
  let browser: Browser
  const closers: (() => Promise<unknown>)[] = []
  const complaints: string[] = []

  // A busy machine is slow, not wrong: conditions are waited for as long as it takes.
  vi.setConfig({ testTimeout: 60_000 })
  beforeAll(async () => {
    const answer = await fetch(`http://127.0.0.1:${inject('browserPort')}`)
    const text = await answer.text()
    if (!answer.ok) throw new Error(text)
    browser = await chromium.connect(text)
  }, 60_000)
  afterEach(async () => {
    await Promise.all(closers.splice(0).map(close => close()))
    const heard = complaints.splice(0)
    expect(heard).toEqual([])
  })
  afterAll(async () => browser?.close())

  return {
    open: async (url, options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
      closers.push(() => context.close())
      const page = await context.newPage()
      page.on('pageerror', error => complaints.push(String(error)))
      page.on('console', message => {
        // A process that is gone refuses connections, which the browser tells too.
        if (message.type() === 'error' && !/ERR_CONNECTION|ERR_INCOMPLETE|401|409/.test(message.text()))
          complaints.push(message.text())
      })
      await page.goto(url)
      return page
    },
    serve: async (listener, port = 0) => {
      const server = createServer(listener).listen(port, '127.0.0.1')
      await once(server, 'listening')
      const close = async (): Promise<void> => {
        if (!server.listening) return
        const closed = once(server.close(), 'close')
        server.closeAllConnections()
        await closed
      }
      closers.push(close)
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close }
    },
  }
}
