import { status } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { startProgram } from '../../support/child.ts'
import { rawConnection } from '../http/driver.ts'
import { echoClient, repeat, say } from './echo.ts'

interface Report {
  readonly ok: boolean
  readonly keepsAlive: readonly string[]
  readonly info: object
  readonly begun: number
  readonly answered: number
}

const start = async () => {
  const child = startProgram(new URL('./rpc-process.ts', import.meta.url))
  const [, port] = /listening on (\d+)/.exec(await child.says(/listening on \d+\n/))!
  return {
    port: Number(port),
    leave: async () => {
      child.kill('SIGTERM')
      const { code, output, took } = await child.ended
      const [, report] = /^report (.*)$/m.exec(output)!
      return { code, took, ...(JSON.parse(report!) as Report) }
    },
  }
}

/** 20 channels with five callers each, who call on and on until they have been refused. */
const load = (port: number) => {
  const seen = { answered: 0, refused: 0, lost: [] as (string | number)[] }
  const clients = Array.from({ length: 20 }, () => echoClient(port))
  const callers = clients.flatMap((client, i) =>
    Array.from({ length: 5 }, async (_, j) => {
      for (let n = 0; ; n++) {
        const ms = String((i * 7 + j * 3 + n * 13) % 30)
        const outcome = j === 0 ? await streamed(repeat(client, ms)) : await say(client, ms)
        if (outcome === ms) seen.answered++
        else if (outcome === status.UNAVAILABLE) return void seen.refused++
        else seen.lost.push(outcome)
      }
    }),
  )
  return {
    seen,
    end: async () => {
      await Promise.all(callers)
      for (const client of clients) client.close()
    },
  }
}

/** What was sent three times, or how it ended otherwise. */
const streamed = async ({ texts, end }: ReturnType<typeof repeat>): Promise<string | number> => {
  const code = await end
  return code === 0 ? (texts.length === 3 ? texts[0]! : `${texts.length} of 3`) : code
}

test.each([1, 2, 3])(
  'SIGTERM amid load: each call is answered, or refused before a handler has seen it (%i)',
  async () => {
    const server = await start()
    const clients = load(server.port)
    await expect.poll(() => clients.seen.answered).toBeGreaterThan(500)
    const report = await server.leave()
    await clients.end()
    expect(clients.seen).toMatchObject({ lost: [], refused: 100 })
    expect(report).toMatchObject({ code: 0, ok: true, keepsAlive: [] })
    expect(report.info).not.toHaveProperty('cut')
    expect(report.begun).toBe(clients.seen.answered)
    expect(report.answered).toBe(clients.seen.answered)
  },
  30_000,
)

test('a stream with 300 ms to go is finished, a silent connection holds up nothing, the process ends by itself', async () => {
  const server = await start()
  const { closed } = await rawConnection(server.port)
  const client = echoClient(server.port)
  const stream = repeat(client, '150')
  await stream.first
  const { code, keepsAlive, took } = await server.leave()
  expect(await streamed(stream)).toBe('150')
  await closed
  expect({ code, keepsAlive }).toEqual({ code: 0, keepsAlive: [] })
  expect(took).toBeLessThan(5_000)
  client.close()
}, 30_000)
