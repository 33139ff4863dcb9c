import type { IncomingMessage, ServerResponse } from 'node:http'
import { http } from 'rx-service-group/http'
import { serviceConformance } from 'rx-service-group/testing'
import { describe, test } from 'vitest'
import { gate, request } from './driver.ts'

/** Answers at once, or when it is let. */
const api = () => {
  const waiting = gate()
  const go = gate()
  const listener = async ({ url }: IncomingMessage, response: ServerResponse) => {
    if (url === '/slow') {
      waiting.open()
      await go.opened
    }
    response.end('hello')
  }
  return { listener, waiting, go }
}

describe('the http service is like any other', () => {
  let latest: ReturnType<typeof api>
  const portOf = ({ info }: { readonly info?: { readonly port?: unknown } }) => Number(info?.port)

  const checks = serviceConformance({
    create: () => {
      latest = api()
      return http('api', latest.listener)
    },
    use: running => request(portOf(running)),
    work: async running => {
      const done = request(portOf(running), '/slow')
      done.catch(() => undefined)
      await latest.waiting.opened
      return { done, finish: latest.go.open }
    },
  })
  for (const { name, run } of checks) test(name, run)
})
