/**
 * The page of the dashboard with 300 services at 1,000 transitions a second, in a real browser: what blocks it for more
 * than 50 ms. Each screen for five seconds.
 *
 *   npm run build && node --import tsx test/bench/page.ts
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium } from 'playwright-core'
import type { GroupEvent, ServiceState } from 'rx-service-group'
import { CHROMIUM_ARGS, findChromium } from '../support/browser-global.ts'
import { story } from '../views/dashboard/support/events.ts'
import { played, serve } from '../views/dashboard/support/serve.ts'

const SERVICES = 300
const PER_SECOND = 1_000
const SECONDS = 5

const names = Array.from({ length: SERVICES }, (_, i) => `service-${i}`)
const error = { name: 'Error', message: 'connection lost' }
const LIFE: readonly ServiceState[] = [
  { phase: 'starting', attempt: 1 },
  { phase: 'running', health: 'pass' },
  { phase: 'running', health: 'warn', detail: 'slow' },
  { phase: 'backoff', error, attempt: 2, retryAt: 0 },
]

/** Looks from now on: tasks of more than 50 ms, and frames. */
const WATCH = `
  window.seen = { tasks: [], frames: 0, gap: 0 }
  new PerformanceObserver(list => seen.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })
  let last = performance.now()
  const frame = now => { seen.frames++; seen.gap = Math.max(seen.gap, now - last); last = now; requestAnimationFrame(frame) }
  requestAnimationFrame(frame)`

interface Seen {
  readonly tasks: readonly number[]
  readonly frames: number
  readonly gap: number
}

const browser = await chromium.launch({ executablePath: findChromium(), args: [...CHROMIUM_ARGS] })

const measure = async (screen: string): Promise<object> => {
  const at = Date.now()
  const { snapshot, becomes } = story(
    'shop',
    names.map((name, i) => [name, i === 0 ? {} : { dependsOn: [names[i >> 1]!] }] as const),
    at,
  )
  const group = played('shop')
  const server = createServer(serve(group)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  group.play(snapshot, becomes('', { phase: 'starting', attempt: 1 }))
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/#${screen}`)
  await page.locator('main h2').first().waitFor()
  let n = 0
  const next = (): GroupEvent => {
    const event = becomes(names[n % SERVICES]!, LIFE[Math.floor(n / SERVICES) % LIFE.length]!, Date.now() - at)
    n++
    return event
  }
  await page.evaluate(WATCH)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable')
  const cpu = async (): Promise<number> =>
    (await devtools.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')!.value * 1_000
  const before = await cpu()
  const begun = performance.now()
  await new Promise<void>(resolve => {
    const timer = setInterval(() => {
      const due = Math.min(SECONDS, (performance.now() - begun) / 1_000) * PER_SECOND
      while (n < due) group.play(next())
      if (n < SECONDS * PER_SECOND) return
      clearInterval(timer)
      resolve()
    }, 20)
  })
  const spent = (await cpu()) - before
  const { tasks, frames, gap } = await page.evaluate<Seen>('seen')
  await page.close()
  server.closeAllConnections()
  server.close()
  return {
    transitions: n,
    'tasks over 50 ms': tasks.length,
    'the longest, ms': Math.round(Math.max(0, ...tasks)),
    'frames a second': Math.round(frames / SECONDS),
    'longest gap, ms': Math.round(gap),
    'CPU of the page, ms a frame': Number((spent / frames).toFixed(1)),
    'CPU of the page, ms a second': Math.round(spent / SECONDS),
  }
}

console.log(`The page of the dashboard: ${SERVICES} services, ${PER_SECOND} transitions a second for ${SECONDS} s.`)
const found: Record<string, object> = {}
for (const screen of ['services', 'timeline', 'graph', 'events']) found[screen] = await measure(screen)
console.table(found)
await browser.close()
