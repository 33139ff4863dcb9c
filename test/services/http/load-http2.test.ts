import { type ClientHttp2Session, connect } from 'node:http2'
import { setTimeout as passed } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { certificate } from '../../support/certificate.ts'
import { startProgram } from '../../support/child.ts'

const start = async (kind: 'plain' | 'tls') => {
  const { key, cert } = certificate()
  const child = startProgram(new URL('./api-process.ts', import.meta.url), { HTTP2: kind, KEY: key, CERT: cert })
  const [, port] = /listening on (\d+)/.exec(await child.says(/listening on \d+\n/))!
  return {
    url: `${kind === 'tls' ? 'https' : 'http'}://127.0.0.1:${port}`,
    leave: async () => {
      child.kill('SIGTERM')
      const { code, output } = await child.ended
      const [, report] = /^report (.*)$/m.exec(output)!
      return {
        code,
        ...(JSON.parse(report!) as { ok: boolean; keepsAlive: string[]; info: object; took: number; late: number }),
      }
    },
  }
}

const LONGEST = 300
/** Where the machine is busy, everything takes that many times longer than its event loop is late. */
const PER_LATE = 10

type Outcome = 'answered' | 'not sent' | 'connection refused' | 'dropped'

/** Clients that go on and on, each on a session with others or on its own, until nobody listens any more. */
const load = (url: string) => {
  const seen = { answered: 0, failed: 0, repeated: 0, dropped: [] as string[], refused: 0 }
  const clients = new Set<Promise<void>>()
  const sessions = new Set<ClientHttp2Session>()

  const open = () => {
    const session = connect(url, { rejectUnauthorized: false })
    const state = { session, over: false, error: undefined as NodeJS.ErrnoException | undefined }
    const over = () => {
      state.over = true
    }
    session.on('goaway', over).on('close', over)
    session.on('error', error => {
      state.error = error
      over()
    })
    sessions.add(session)
    return state
  }
  const ask = (state: ReturnType<typeof open>, ms: number) =>
    new Promise<Outcome>(resolve => {
      const stream = state.session.request({ ':path': `/?ms=${ms}` })
      let status: number | undefined
      let ended = false
      let error: NodeJS.ErrnoException | undefined
      stream.on('response', headers => {
        status = headers[':status']
      })
      stream.on('error', thrown => {
        error = thrown
      })
      stream.on('end', () => {
        ended = status !== undefined
      })
      // The session tells its own error later than its streams.
      stream.on('close', () => setImmediate(() => resolve(outcome())))
      const outcome = (): Outcome => {
        if (state.error?.code === 'ECONNREFUSED') return 'connection refused'
        if (ended && !error) {
          seen.answered++
          if (status !== 200) seen.failed++
          return 'answered'
        }
        // REFUSED_STREAM: it was not processed, and may be repeated.
        if (stream.rstCode === 7) return 'not sent'
        seen.dropped.push(`${error?.message} ${stream.rstCode}`)
        return 'dropped'
      }
      stream.resume().end()
    })
  const share = (workers: number, nth: number) => {
    let state = open()
    const work = async (i: number) => {
      for (let n = 0; ; n++) {
        if (state.over || state.session.closed || state.session.destroyed) state = open()
        const outcome = await ask(state, nth + i === 0 ? LONGEST : (i * 7 + n * 13) % 30)
        if (outcome === 'connection refused') {
          seen.refused++
          return
        }
        if (outcome === 'not sent') seen.repeated++
      }
    }
    for (let i = 0; i < workers; i++) clients.add(work(i))
  }
  for (let i = 0; i < 10; i++) share(1, i)
  for (let i = 0; i < 3; i++) share(8, i + 1)
  return {
    seen,
    end: async () => {
      await Promise.all(clients)
      for (const session of sessions) session.destroy()
    },
  }
}

describe('a group in a process of its own, over HTTP/2', () => {
  test.each(['plain', 'tls', 'plain', 'tls'] as const)('SIGTERM amid load drops no request (%s)', async kind => {
    const server = await start(kind)
    const clients = load(server.url)
    await passed(400)
    const report = await server.leave()
    await clients.end()
    expect(clients.seen).toMatchObject({ dropped: [], failed: 0, refused: 34 })
    expect(clients.seen.answered).toBeGreaterThan(100)
    // At that moment a request may be on its way, which the client is told was not taken.
    expect(clients.seen.repeated).toBeLessThan(10)
    expect(report).toMatchObject({ code: 0, ok: true, keepsAlive: [] })
    expect(report.info).not.toHaveProperty('cut')
    expect(report.took).toBeLessThan(LONGEST + 200 + PER_LATE * report.late)
  })
})
