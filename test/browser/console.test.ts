import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import express from 'express'
import type { Page } from 'playwright-core'
import { service, serviceGroup, task } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { expect, onTestFinished, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'

const { open, serve: listen } = useBrowser()
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const violations = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe)
  const found = await page.evaluate<readonly { id: string; nodes: readonly { failureSummary: string }[] }[]>(
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] }).then(r => r.violations)',
  )
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ failureSummary }) => failureSummary).join()}`)
}

test('a drawer shows what its service prints, told apart, followed to its end, searched and copied', async () => {
  const wait: (() => void)[] = []
  const said: string[] = []
  const turn = (): Promise<void> => new Promise(resolve => void wait.push(resolve))
  const wake = (): void => {
    for (const go of wait.splice(0)) go()
  }
  const orders = task('orders', async ({ signal }) => {
    signal.addEventListener('abort', wake)
    while (!signal.aborted) {
      await turn()
      for (const text of said.splice(0)) process[text.startsWith('err') ? 'stderr' : 'stdout'].write(`${text}\n`)
    }
  })
  const say = (...texts: readonly string[]): void => {
    said.push(...texts)
    wake()
  }
  const group = serviceGroup('shop').add(serviceGroup('workers').add(orders))
  onTestFinished(() => group.stop().then(() => {}))
  const { url } = await listen(express().use(dashboard(group, { logs: true })))
  await group.start()
  const page = await open(url)
  await rowOf(page, 'orders').getByRole('button', { name: 'orders' }).click()
  const drawer = page.locator('.drawer')
  await expect.poll(() => drawer.textContent()).toContain('It has printed nothing.')
  say(...Array.from({ length: 60 }, (_, n) => `order ${n}`), 'err <b>the disk</b> is full')
  const lines = drawer.locator('.printed-lines p')
  await expect.poll(() => lines.count()).toBe(61)
  expect(await lines.last().locator('.stream').textContent()).toBe('err')
  expect(await lines.last().locator('.text').textContent()).toBe('err <b>the disk</b> is full')
  expect(await lines.first().locator('.stream').textContent()).toBe('out')
  const list = drawer.locator('.printed-lines')
  const fromEnd = () => list.evaluate(one => one.scrollHeight - one.clientHeight - one.scrollTop)
  expect(await fromEnd()).toBeLessThan(2)
  say('order 60')
  await expect.poll(() => lines.count()).toBe(62)
  expect(await fromEnd()).toBeLessThan(2)
  // Scrolled up it stays.
  await list.evaluate(one => one.scrollTo(0, 100))
  await expect.poll(() => list.evaluate(one => one.scrollTop)).toBe(100)
  say('order 61')
  await expect.poll(() => lines.count()).toBe(63)
  expect(await list.evaluate(one => one.scrollTop)).toBe(100)
  await drawer.getByRole('searchbox', { name: 'Search the lines' }).fill('DISK')
  await expect.poll(() => lines.count()).toBe(1)
  expect(await drawer.getByRole('status').textContent()).toBe('1 of 63 lines')
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await drawer.getByRole('button', { name: 'Copy' }).click()
  await expect.poll(() => drawer.getByRole('status').textContent()).toBe('1 line copied')
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('err <b>the disk</b> is full')
  expect(await violations(page)).toEqual([])
  // The group around it shows the lines of all that is in it.
  await rowOf(page, 'workers').getByRole('button', { name: 'workers' }).click()
  await expect.poll(() => lines.first().locator('.text').textContent()).toBe('orders: order 0')
})

test('figures of the process and of services have a picture, and a text that says the same', {
  timeout: 30_000,
}, async () => {
  let tell!: (figures: Readonly<Record<string, number>>) => void
  const orders = service('orders', {
    start: ({ info }) => {
      tell = info
      info({ port: 80, inFlight: 3, handled: 0 })
    },
  })
  const group = serviceGroup('shop').add(orders)
  onTestFinished(() => group.stop().then(() => {}))
  const { url } = await listen(express().use(dashboard(group)))
  await group.start()
  const page = await open(url)
  const figures = page.locator('.banner .figures')
  await expect.poll(() => figures.textContent()).toMatch(/CPU[\d.]+ %, in the last ten minutes between/)
  await expect.poll(() => figures.textContent()).toMatch(/Memory\d+ MB.*Loop delay\d+ ms.*In flight3.*Handled\d/)
  await rowOf(page, 'orders').getByRole('button', { name: 'orders' }).click()
  const own = page.locator('.drawer .figures')
  await expect.poll(() => own.locator('dt').allTextContents()).toEqual(['inFlight', 'handled'])
  const at = performance.now()
  await expect
    .poll(() => {
      if (performance.now() - at > 1_100) tell({ inFlight: 7, handled: 20 })
      return own.textContent()
    })
    .toMatch(/inFlight7, in the last ten minutes between 3 and 7.*handled20, [\d.]+\/s/)
  const particulars = page.locator('.drawer .particulars dt')
  expect(await particulars.allTextContents()).toEqual(expect.arrayContaining(['port']))
  expect(await particulars.allTextContents()).not.toContain('inFlight')
  // A rate that is over is not told.
  await expect.poll(() => own.textContent(), { timeout: 15_000 }).toMatch(/handled20, in the last ten minutes/)
  const path = await own.locator('.sparkline path').first().getAttribute('d')
  expect(path).toMatch(/^M.*V.*H120$/)
  expect(await violations(page)).toEqual([])
})
