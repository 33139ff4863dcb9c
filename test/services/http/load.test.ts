import { type Agent, get } from 'node:http'
import { setTimeout as passed } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { startProgram } from '../../support/child.ts'
import { keepAlive, rawConnection } from './driver.ts'

interface Report {
  readonly ok: boolean
  readonly took: number
  readonly afterLastAnswer: number
  /** How late its event loop was at worst. */
  readonly late: number
  readonly info: object
  readonly keepsAlive: readonly string[]
}

/** A group in a process of its own, so that neither side waits for the other's event loop. */
const start = async () => {
  const child = startProgram(new URL('./api-process.ts', import.meta.url))
  const [, port] = /listening on (\d+)/.exec(await child.says(/listening on \d+\n/))!
  return {
    port: Number(port),
    leave: async () => {
      child.kill('SIGTERM')
      const { code, output } = await child.ended
      const [, report] = /^report (.*)$/m.exec(output)!
      return { code, ...(JSON.parse(report!) as Report) }
    },
  }
}

const LONGEST = 300
/** Where the machine is busy, everything takes that many times longer than its event loop is late. */
const PER_LATE = 10

/** Clients that go on and on: 50 busy and 10 idle keep-alive connections, and new ones all the time. */
const load = (port: number) => {
  const seen = { answered: 0, leaving: 0, refused: 0, dropped: [] as string[], saidKeepAlive: 0, failed: 0 }
  const clients = new Set<Promise<unknown>>()
  const agents: Agent[] = []
  const newAgent = () => {
    const agent = keepAlive()
    agents.push(agent)
    return agent
  }

  const ask = (agent: Agent | false, ms: number) =>
    new Promise<'answered' | 'refused' | 'dropped'>(resolve => {
      const dropped = (error: Error) => {
        seen.dropped.push(error.message)
        resolve('dropped')
      }
      get({ host: '127.0.0.1', port, path: `/?ms=${ms}`, agent }, response => {
        response.on('error', dropped).on('end', () => {
          seen.answered++
          if (response.statusCode !== 200) seen.failed++
          if (response.headers['x-leaving']) {
            seen.leaving++
            if (response.headers.connection !== 'close') seen.saidKeepAlive++
          }
          resolve('answered')
        })
        response.resume()
      }).on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ECONNREFUSED') return dropped(error)
        seen.refused++
        resolve('refused')
      })
    })
  const busy = async (i: number) => {
    const agent = newAgent()
    for (let n = 0; (await ask(agent, i === 0 ? LONGEST : (i * 7 + n * 13) % 30)) !== 'refused'; n++);
  }
  for (let i = 0; i < 50; i++) clients.add(busy(i))
  for (let i = 0; i < 10; i++) clients.add(ask(newAgent(), 0))
  const stream = setInterval(() => clients.add(ask(false, 5)), 5)
  return {
    seen,
    end: async () => {
      clearInterval(stream)
      await Promise.all(clients)
      for (const agent of agents) agent.destroy()
    },
  }
}

describe('a group in a process of its own', () => {
  test.each([1, 2, 3])('SIGTERM amid load drops no request, and every answer says close (%i)', async () => {
    const server = await start()
    const clients = load(server.port)
    await passed(400)
    const report = await server.leave()
    await clients.end()
    expect(clients.seen).toMatchObject({ dropped: [], saidKeepAlive: 0, failed: 0 })
    expect(clients.seen.leaving).toBeGreaterThan(10)
    expect(clients.seen.refused).toBeGreaterThan(10)
    expect(report).toMatchObject({ code: 0, ok: true, keepsAlive: [] })
    expect(report.info).not.toHaveProperty('cut')
    expect(report.took).toBeLessThan(LONGEST + 50 + PER_LATE * report.late)
    expect(report.afterLastAnswer).toBeLessThan(60 + PER_LATE * report.late)
  })

  test('a silent connection holds up nothing, nothing is left, and the process ends by itself', async () => {
    const server = await start()
    const { closed } = await rawConnection(server.port)
    const { keepsAlive, code, took, late } = await server.leave()
    await closed
    expect({ keepsAlive, code }).toEqual({ keepsAlive: [], code: 0 })
    expect(took).toBeLessThan(150 + PER_LATE * late)
  })
})
