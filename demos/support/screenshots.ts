/**
 * Takes the pictures of the dashboard in the README, from a real group in a real browser: demos/dashboard-stopping.png
 * while it stops, demos/dashboard-problems.png while something is wrong, demos/dashboard-your-own.png of the ninth
 * demo.
 *
 *   npm run build && node --import tsx demos/support/screenshots.ts       (needs Chromium; CHROMIUM_PATH)
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { chromium } from 'playwright-core'
import { job, service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { CHROMIUM_ARGS, findChromium } from '../../test/support/browser-global.ts'

const takes = (start: number, drain: number, stop: number) =>
  ({ start: () => delay(start), drain: () => delay(drain), stop: () => delay(stop) }) as const

const workers = serviceGroup('workers')
  .add(service('mailer', takes(160, 1_400, 90)), { dependsOn: [] })
  .add(service('thumbnails', takes(420, 2_300, 160)), { dependsOn: [] })

const group = serviceGroup('shop', { shutdownTimeout: 8_000 })
  .add(job('migrate', () => delay(310)))
  .add(service('db', takes(560, 0, 640)), { dependsOn: ['migrate'] })
  .add(service('cache', takes(240, 0, 60)), { dependsOn: [], optional: true })
  .add(
    service('search', {
      start: async ({ fail }) => {
        await delay(480)
        setTimeout(() => fail(new Error('connect ECONNREFUSED 10.0.0.7:9200')), 900)
      },
    }),
    { dependsOn: ['db'], optional: true, restart: { policy: 'permanent', initialDelay: 60_000, maxDelay: 60_000 } },
  )
  .add(workers, { dependsOn: ['db', 'cache'] })
  .add(
    service('orders', {
      start: ({ info }) => {
        info({ queue: 'orders', prefetch: 50 })
        return delay(380)
      },
      drain: async ({ pending }) => {
        for (let left = 46; left > 0; left--) {
          pending(left)
          await delay(95)
        }
      },
      stop: () => delay(210),
    }),
    { dependsOn: ['db'] },
  )
  .add(service('prices', { start: ({ setHealth }) => setHealth('warn', 'the last answer took 2.3 s') }), {
    dependsOn: ['cache'],
  })
  .add(service('api', takes(140, 700, 80)), { dependsOn: ['orders', 'prices', 'workers'] })

const server = createServer(express().use(dashboard(group))).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
const browser = await chromium.launch({ executablePath: findChromium(), args: [...CHROMIUM_ARGS] })

const open = async (colorScheme: 'light' | 'dark', width: number, height: number) => {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme })
  await page.goto(url)
  return page
}
const file = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

await group.start()
const dark = await open('dark', 1280, 760)
await dark.getByText('is down, and will be tried again').waitFor()
await dark.getByRole('rowheader').getByRole('button', { name: 'search' }).click()
await dark.screenshot({ path: file('dashboard-problems.png') })

const light = await open('light', 1280, 990)
await light.getByRole('heading', { name: 'shop' }).waitFor()
const stopped = group.stop({ by: 'signal', signal: 'SIGTERM' })
await light.getByText(/Stopping for 3\.[2-9] s/).waitFor()
await light.screenshot({ path: file('dashboard-stopping.png') })
await stopped

const own = spawn('node', ['--import', 'tsx', 'demos/09-your-own-dashboard.ts'], { env: { ...process.env, PORT: '0' } })
let said = ''
while (!/url \S+\n/.test(said)) said += String((await once(own.stdout, 'data'))[0])
const [, address] = /url (\S+)/.exec(said)!
const small = await browser.newPage({ viewport: { width: 800, height: 130 } })
await small.goto(address!)
await small.getByText('backoff').waitFor()
await small.screenshot({ path: file('dashboard-your-own.png') })
own.kill()

await browser.close()
server.closeAllConnections()
server.close()
