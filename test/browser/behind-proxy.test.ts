import { request as ask, type RequestListener } from 'node:http'
import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { expect, onTestFinished, test } from 'vitest'
import { rowOf, useBrowser } from '../support/browser.ts'

const { open, serve } = useBrowser()

const token = 'correct horse battery staple'

/** A proxy that serves `/tools/shop`, and all that is below it, from another address. */
const proxy =
  (to: string): RequestListener =>
  (request, response) => {
    const [, rest] = /^\/tools\/shop(.*)$/.exec(request.url ?? '') ?? []
    if (rest === undefined) return void response.writeHead(404).end()
    const { method, headers } = request
    const path = to.endsWith('/') ? rest.replace(/^\//, '') : rest
    const asked = ask(to + path, { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    asked.on('error', () => response.destroy())
    response.on('close', () => asked.destroy())
    request.pipe(asked)
  }

const openShop = async (mount: (shown: ReturnType<typeof dashboard>) => RequestListener, under: string) => {
  const group = serviceGroup('shop').add(service('db', {}))
  onTestFinished(() => group.stop().then(() => {}))
  await group.start()
  const { url } = await serve(mount(dashboard(group, { token })))
  const front = await serve(proxy(url.slice(0, -1) + under))
  return { group, url: front.url }
}

const mountings: readonly (readonly [string, string, (shown: ReturnType<typeof dashboard>) => RequestListener])[] = [
  ['a server of its own', '/', shown => shown],
  ['an app', '/', shown => express().use(shown)],
  ['an app, under a path', '/admin/', shown => express().use('/admin', shown)],
]

test.each(
  mountings.flatMap(([name, under, mount]) =>
    ['tools/shop', 'tools/shop/', 'tools/shop?from=mail#events'].map(path => [name, path, under, mount] as const),
  ),
)('behind a proxy that cuts off the path, %s works at /%s', async (_, path, under, mount) => {
  const { group, url } = await openShop(mount, under)
  const page = await open(url + path)
  await expect.poll(() => page.title()).toContain('shop')
  const [whole] = path.split('#')
  const [folder, query] = whole!.split('?')
  const wanted = `${url}${folder!.replace(/\/?$/, '/')}${query ? `?${query}` : ''}`
  expect(page.url().split('#')[0]).toBe(wanted)
  if (path.includes('#')) return
  await expect.poll(() => rowOf(page, 'db').count()).toBe(1)
  await page.reload()
  await expect.poll(() => rowOf(page, 'db').count()).toBe(1)
  await group.restart('db')
  await expect.poll(() => rowOf(page, 'db').textContent()).toContain('running')
})
