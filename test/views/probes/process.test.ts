import { startApp } from 'rx-service-group/testing/process'
import { expect, test } from 'vitest'
import { request } from '../../services/http/driver.ts'
import { TSX } from '../../support/child.ts'

type Answers = Readonly<Record<string, readonly number[]>>

/** Asks until nobody answers, on a new connection each time as Kubernetes does: which codes came in which phase. */
const poll = async (port: number, path: string): Promise<Answers> => {
  const codes = new Map<string, Set<number>>()
  for (;;) {
    const answer = await request(port, path).catch(() => undefined)
    if (!answer) return Object.fromEntries([...codes].map(([phase, all]) => [phase, [...all]]))
    const phase = String(answer.headers['x-phase'])
    codes.set(phase, (codes.get(phase) ?? new Set()).add(answer.status!))
  }
}

test('SIGTERM with requests in flight: readiness is gone at once, and liveness is there to the last', async () => {
  // Its database starts once all probes were answered while it was starting.
  await using app = await startApp(new URL('probed-process.ts', import.meta.url), { execArgv: TSX, ready: /up\n/ })
  const portOf = (name: string) => Number(app.status.service(`shop/${name}`)?.state.info?.['port'])

  const probes = portOf('probes')
  const polls = ['/livez', '/startupz', '/readyz'].map(path => poll(probes, path))
  await app.until(({ ready }) => ready)
  const api = portOf('api')
  const inFlight = request(api, '/slow')
  await app.until(/asked/)
  app.signal('SIGTERM')
  await app.until(/leaving/)
  // Within the drain delay a balancer may not have noticed yet.
  expect((await request(api, '/slow')).body).toBe('done')
  expect((await inFlight).body).toBe('done')

  // Nobody answers any more: that is the end, and what was last in the way of it has stopped.
  const [livez, startupz, readyz] = await Promise.all(polls)
  const { code, output } = await app.ended
  expect({ livez, startupz, readyz }).toEqual({
    livez: { starting: [200], ready: [200], leaving: [200], stopping: [200] },
    startupz: { starting: [503], ready: [200], leaving: [200], stopping: [200] },
    readyz: { starting: [503], ready: [200], leaving: [503], stopping: [503] },
  })
  expect(code).toBe(0)
  expect(output).toMatch(/db stopped\n(.|\n)*shop stopped gracefully/)
}, 20_000)
