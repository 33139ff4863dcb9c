import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BrowserServer, chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where test files ask for the browser of this run. */
    browserPort: number
  }
}

const NAMES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
]

/** The system's Chromium, or the one that CHROMIUM_PATH names. */
export const findChromium = (): string => {
  const { CHROMIUM_PATH } = process.env
  const found = CHROMIUM_PATH ?? NAMES.find(existsSync)
  if (!found) throw new Error('Chromium is needed for these tests: apt-get install -y chromium (or set CHROMIUM_PATH)')
  return found
}

export const CHROMIUM_ARGS: readonly string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** One browser for the whole run, started when the first test file asks for it. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  let starting: Promise<BrowserServer> | undefined
  const server = createServer(async (_, response) => {
    try {
      starting ??= chromium.launchServer({ executablePath: findChromium(), args: [...CHROMIUM_ARGS] })
      response.end((await starting).wsEndpoint())
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  project.provide('browserPort', (server.address() as AddressInfo).port)
  return async () => {
    server.close()
    await (await starting?.catch(() => undefined))?.close()
  }
}
