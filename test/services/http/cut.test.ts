import { http } from 'rx-service-group/http'
import { describe, expect, test } from 'vitest'
import { drive, gate, rawConnection } from './driver.ts'

/** A service that never answers, with these requests under way, and their connections. */
const stuckWith = async (...paths: string[]) => {
  const all = gate()
  let came = 0
  const life = drive(
    http('api', () => {
      if (++came === paths.length) all.open()
    }),
  )
  const port = await life.port()
  const connections = await Promise.all(
    paths.map(async path => {
      const connection = await rawConnection(port)
      connection.socket.write(`${path} HTTP/1.1\r\nHost: x\r\ncontent-length: 0\r\n\r\n`)
      return connection
    }),
  )
  await all.opened
  return { life, closed: Promise.all(connections.map(connection => connection.closed)) }
}

describe('what is left', () => {
  test('when the drain has run out of its time is cut by stop, counted and named', async () => {
    const { life, closed } = await stuckWith('GET /slow?token=secret', 'POST /orders', 'GET /slow')
    life.tell('drain')
    await life.until(() => life.states.some(state => state.phase === 'draining' && state.pending === 3))
    life.tell('stop')
    const { info, how } = await life.until('stopped')
    expect(how).toBe('stopped')
    expect(info).toMatchObject({
      cut: 3,
      cutWork: expect.stringMatching(/^GET \/slow \(2, up to \d+ ms\), POST \/orders \(\d+ ms\)$/),
    })
    expect(info).not.toHaveProperty('abandoned')
    await closed
  })

  test('is cut by force while draining, counted and named', async () => {
    const { life, closed } = await stuckWith('GET /slow')
    life.tell('drain')
    life.tell('force')
    expect(await life.until('stopped')).toMatchObject({
      how: 'forced',
      info: { cut: 1, cutWork: expect.stringMatching(/^GET \/slow \(\d+ ms\)$/) },
    })
    expect((await life.until('stopped')).info).not.toHaveProperty('abandoned')
    await closed
  })

  test('is cut by force that comes out of the blue', async () => {
    const { life, closed } = await stuckWith('GET /a', 'GET /b')
    life.tell('force')
    const { how, info } = await life.until('stopped')
    expect(how).toBe('forced')
    expect(info).toMatchObject({
      cut: 2,
      cutWork: expect.stringMatching(/^GET \/a \(\d+ ms\), GET \/b \(\d+ ms\)$/),
    })
    await closed
  })

  test('is cut by force while a stop drains', async () => {
    const { life, closed } = await stuckWith('GET /slow')
    life.tell('stop')
    await life.until('stopping')
    life.tell('force')
    expect(await life.until('stopped')).toMatchObject({ how: 'forced', info: { cut: 1 } })
    await closed
  })

  test('is named by at most five routes', async () => {
    const { life } = await stuckWith(...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(path => `GET /${path}`))
    life.tell('force')
    expect((await life.until('stopped')).info).toMatchObject({
      cut: 7,
      cutWork: expect.stringMatching(/^(GET \/[a-g] \(\d+ ms\), ){5}2 more$/),
    })
  })

  test('is nothing after a drain that went well, and nothing is told', async () => {
    const life = drive(http('api', (_, response) => response.end()))
    await rawConnection(await life.port())
    await life.leave()
    expect((await life.until('stopped')).info).not.toHaveProperty('cut')
  })
})
