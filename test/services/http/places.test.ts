import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { type AddressInfo, connect, createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServiceError } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { afterAll, describe, expect, test } from 'vitest'
import { hideSocketFile } from '../../../src/services/common/socket-file.ts'
import { closeNow } from '../../../src/services/http/close-now.ts'
import { drive, gate, refuses, request } from './driver.ts'
import { http2, https, stacks } from './stacks.ts'

const directory = mkdtempSync(join(tmpdir(), 'sockets-'))
let sockets = 0
const newPath = () => join(directory, `${++sockets}.sock`)
afterAll(() => rmSync(directory, { recursive: true }))

const codeOf = (error: unknown) => (error instanceof ServiceError ? error.code : error)
const hello = (_: unknown, response: { end(text: string): unknown }) => response.end('hello')

const askAt = (socketPath: string, path = '/') =>
  new Promise<{ body: string; connection: string | undefined }>((resolve, reject) => {
    get({ socketPath, path, agent: false }, async response => {
      let body = ''
      for await (const chunk of response.setEncoding('utf8')) body += chunk
      resolve({ body, connection: response.headers.connection })
    }).on('error', reject)
  })

const isReached = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(path)
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })

/** A process that listens on a socket and is killed leaves its file behind. */
const staleSocket = async (path: string) => {
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
}

describe('a unix socket', () => {
  test('is listened on, told, and gone at the end', async () => {
    const path = newPath()
    const life = drive(http('api', hello, { path }))
    expect((await life.until('running')).info).toEqual({ address: path, url: `unix:${path}` })
    expect(statSync(path).isSocket()).toBe(true)
    expect((await askAt(path)).body).toBe('hello')
    await life.leave()
    expect(existsSync(path)).toBe(false)
  })

  test('drains: what is in flight is finished, silent connections are closed, nobody new is let in', async () => {
    const path = newPath()
    const came = gate()
    const go = gate()
    const life = drive(
      http(
        'api',
        async (_, response) => {
          came.open()
          await go.opened
          response.end('done')
        },
        { path },
      ),
    )
    await life.until('running')
    const silent = connect(path)
    await once(silent, 'connect')
    const answer = askAt(path)
    await came.opened
    life.tell('drain')
    await once(silent, 'close')
    await expect.poll(() => isReached(path)).toBe(false)
    expect(life.states.at(-1)).toMatchObject({ phase: 'draining', pending: 1 })
    go.open()
    expect(await answer).toEqual({ body: 'done', connection: 'close' })
    await life.leave()
  })

  test('resets nobody while it closes, however many come', async () => {
    const path = newPath()
    const life = drive(http('api', hello, { path }))
    await life.until('running')
    const failures: (string | undefined)[] = []
    const asked: Promise<unknown>[] = []
    let open = true
    const ask = async () => {
      try {
        await askAt(path)
      } catch (error) {
        open = false
        failures.push((error as NodeJS.ErrnoException).code)
      }
    }
    const begun = performance.now()
    for (let draining = false; open; ) {
      asked.push(ask())
      await new Promise(resolve => setImmediate(resolve))
      if (draining || performance.now() - begun < 50) continue
      draining = true
      life.tell('drain')
    }
    await Promise.all(asked)
    expect(new Set(failures)).toEqual(new Set(['ENOENT']))
    await life.leave()
  })

  test('of a process that comes up meanwhile at the same path is left alone', async () => {
    const path = newPath()
    const server = createNetServer().listen(path)
    await once(server, 'listening')
    hideSocketFile(server)
    const newcomer = createServer((_, response) => response.end('newcomer')).listen(path)
    await once(newcomer, 'listening')
    closeNow(server)
    expect((await askAt(path)).body).toBe('newcomer')
    newcomer.close()
  })

  test('whose process was killed is replaced', async () => {
    const path = newPath()
    await staleSocket(path)
    expect(existsSync(path)).toBe(true)
    const life = drive(http('api', hello, { path }))
    await life.until('running')
    expect((await askAt(path)).body).toBe('hello')
    await life.leave()
    expect(existsSync(path)).toBe(false)
    expect(existsSync(`${path}.${process.pid}.stale`)).toBe(false)
  })

  test('on which someone listens is left alone, and told', async () => {
    const path = newPath()
    const other = createNetServer(socket => socket.on('error', () => {}).resume()).listen(path)
    await once(other, 'listening')
    const error = await drive(http('api', hello, { path })).ended()
    expect(codeOf(error)).toBe('ERR_PORT_IN_USE')
    expect((error as Error).message).toBe(
      `service "api": can't listen on ${path}: another process listens there; stop it, or give another path`,
    )
    expect(await isReached(path)).toBe(true)
    other.close()
  })

  test('whose path is a file of another kind is left alone, and told', async () => {
    const path = newPath()
    writeFileSync(path, 'precious')
    const error = await drive(http('api', hello, { path })).ended()
    expect(codeOf(error)).toBe('ERR_PORT_IN_USE')
    expect((error as Error).message).toBe(
      `service "api": can't listen on ${path}: a file is there that is no socket; give another path`,
    )
    expect(statSync(path).isFile()).toBe(true)
  })

  test('in a directory that is not there is an error that says so', async () => {
    const error = await drive(http('api', hello, { path: join(directory, 'nowhere', 'x.sock') })).ended()
    expect((error as Error).message).toMatch(/may not listen on .*x\.sock; give a path in a directory that exists and/)
  })

  test('can be had besides a port', async () => {
    const path = newPath()
    const life = drive(http('api', hello, { port: 0, host: '127.0.0.1', path }))
    const port = await life.port()
    expect((await life.until('running')).info).toEqual({
      address: '127.0.0.1',
      port,
      url: `http://127.0.0.1:${port}`,
      urls: `http://127.0.0.1:${port}, unix:${path}`,
    })
    expect((await request(port)).body).toBe('hello')
    expect((await askAt(path)).body).toBe('hello')
    await life.leave()
    expect(await refuses(port)).toBe(true)
    expect(existsSync(path)).toBe(false)
  })
})

const refusesAt = async (host: string, port: number) => {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

const two = ['127.0.0.1', '127.0.0.2'] as const

describe('several addresses', () => {
  test.each(stacks)('share a port and one $name server, and all of them are told', async stack => {
    const life = drive(http('api', stack.create(hello), { host: two }))
    const port = await life.port()
    const scheme = stack.tls ? 'https' : 'http'
    expect((await life.until('running')).info).toEqual({
      address: two[0],
      port,
      url: `${scheme}://${two[0]}:${port}`,
      urls: two.map(host => `${scheme}://${host}:${port}`).join(', '),
    })
    const client = await stack.client(port, two[1])
    expect((await client.ask()).body).toBe('hello')
    await life.leave()
    await client.gone
    for (const host of two) expect(await refusesAt(host, port)).toBe(true)
    client.close()
  })

  test('drain together: what came to any of them is finished', async () => {
    const all = gate()
    const go = gate()
    let came = 0
    const life = drive(
      http(
        'api',
        async (_, response) => {
          if (++came === 2) all.open()
          await go.opened
          response.end('done')
        },
        { host: two },
      ),
    )
    const port = await life.port()
    const answers = two.map(host => request(port, '/', { host }))
    await all.opened
    life.tell('drain')
    for (const host of two) await expect.poll(() => refusesAt(host, port)).toBe(true)
    expect(life.states.at(-1)).toMatchObject({ phase: 'draining', pending: 2 })
    go.open()
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ body: 'done', headers: { connection: 'close' } })
    await life.leave()
  })

  test.each([0, 1])('of which number %i is taken are not listened on at all', async taken => {
    const holder = createNetServer().listen(0, two[taken])
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const server = createServer(hello)
    const before = server.eventNames().map(name => [name, server.rawListeners(name)])
    const error = await drive(http('api', server, { port, host: two })).ended()
    expect(codeOf(error)).toBe('ERR_PORT_IN_USE')
    expect((error as Error).message).toContain(`can't listen on ${two[taken]}:${port}`)
    expect(await refusesAt(two[1 - taken]!, port)).toBe(true)
    expect(server.listening).toBe(false)
    expect(server.eventNames().map(name => [name, server.rawListeners(name)])).toEqual(before)
    holder.close()
  })

  test('can be started again after they have ended', async () => {
    const api = http('api', https.create(hello), { host: two })
    for (const _round of [1, 2]) {
      const life = drive(api)
      const client = await https.client(await life.port(), two[1])
      expect((await client.ask()).body).toBe('hello')
      await life.leave()
      client.close()
    }
  })

  test('are cut by force together', async () => {
    const came = gate()
    const life = drive(
      http(
        'api',
        http2.create(() => came.open()),
        { host: two },
      ),
    )
    const client = await http2.client(await life.port(), two[1])
    const answer = client.ask('/slow').catch(() => {})
    await came.opened
    life.tell('force')
    expect(await life.until('stopped')).toMatchObject({ how: 'forced', info: { cut: 1 } })
    await Promise.all([answer, client.gone])
  })
})

test.each([
  { host: '' },
  { host: [] },
  { host: ['127.0.0.1', ''] },
  { host: 7 as unknown as string },
  { path: '' },
  { path: 7 as unknown as string },
])('%j is refused at the call', options => {
  expect(() => http('api', hello, options)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'api' }),
  )
})
