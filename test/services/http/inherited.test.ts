import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { get as getHttps } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServiceError } from 'rx-service-group'
import { type HttpOptions, http } from 'rx-service-group/http'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { certificate } from '../../support/certificate.ts'
import { type Child, startCommand, TSX } from '../../support/child.ts'
import { type HeldSocket, holdSocket, startWithSockets } from '../../support/held-socket.ts'
import { drive, request } from './driver.ts'

const directory = mkdtempSync(join(tmpdir(), 'inherited-'))
afterAll(() => rmSync(directory, { recursive: true }))

const startServers = (
  services: Readonly<Record<string, HttpOptions>>,
  sockets: readonly HeldSocket[],
  env: Readonly<Record<string, string>> = {},
): Child =>
  startWithSockets(new URL('inheriting-process.ts', import.meta.url), sockets, {
    SERVICES: JSON.stringify(services),
    ...env,
  })

const end = async (child: Child) => {
  child.kill('SIGTERM')
  expect(await child.ended).toMatchObject({ code: 0, signal: null })
}

/** A request on a connection of its own, with the answer once there is one. */
const ask = (place: { port: number; host?: string } | { path: string }) => {
  const socket: Socket = connect({ host: '127.0.0.1', ...place })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  const answered = new Promise<string>((resolve, reject) => {
    let text = ''
    socket.setEncoding('utf8').on('data', data => {
      text += data
    })
    socket.on('end', () => resolve(text.split('\r\n\r\n')[1] ?? '')).on('error', reject)
  })
  return { connected: once(socket, 'connect'), answered }
}

describe('a server on an inherited socket', () => {
  test('takes it by its number, says where it listens, and leaves it open for the next process', async () => {
    const socket = await holdSocket()
    const url = `http://127.0.0.1:${socket.port}`
    const first = startServers({ web: { fd: 3 } }, [socket])
    expect(await first.says('ready')).toContain(
      `web: ${JSON.stringify({ address: '127.0.0.1', port: socket.port, url })}`,
    )
    expect((await request(socket.port)).body).toBe(`web ${first.pid}`)
    await end(first)
    // Nobody accepts now: the system queues them, as many as before.
    const waiting = Array.from({ length: 20 }, () => ask({ port: socket.port }))
    await Promise.all(waiting.map(({ connected }) => connected))
    const next = startServers({ web: { fd: 3 } }, [socket])
    expect(new Set(await Promise.all(waiting.map(({ answered }) => answered)))).toEqual(new Set([`web ${next.pid}`]))
    await end(next)
  }, 60_000)

  test('takes sockets by the names under which they were passed, all that have its name', async () => {
    const path = join(directory, 'web.sock')
    const sockets = await Promise.all([holdSocket(), holdSocket({ path }), holdSocket(), holdSocket()])
    const [web, , secure] = sockets
    const { key, cert } = certificate()
    const child = startServers({ web: { fd: 'web' }, secure: { fd: 'se-cure' } }, sockets, {
      LISTEN_FDNAMES: 'web:web:se-cure:unused',
      KEY: key,
      CERT: cert,
    })
    const said = await child.says('ready')
    expect(said).toContain(`"urls":"http://127.0.0.1:${web.port}, unix:${path}"`)
    expect(said).toContain(`"url":"https://127.0.0.1:${secure.port}"`)
    expect(await ask({ port: web.port }).answered).toBe(`web ${child.pid}`)
    expect(await ask({ path }).answered).toBe(`web ${child.pid}`)
    const answer = await new Promise<string>((resolve, reject) => {
      getHttps({ host: '127.0.0.1', port: secure.port, ca: cert, agent: false }, async response => {
        resolve((await response.setEncoding('utf8').toArray()).join(''))
      }).on('error', reject)
    })
    expect(answer).toBe(`secure ${child.pid}`)
    await end(child)
    // The file belongs to whoever holds the socket.
    expect(existsSync(path)).toBe(true)
  }, 60_000)

  test('can be the worker of a cluster, which is passed the socket of its primary', async () => {
    const socket = await holdSocket()
    const program = fileURLToPath(new URL('inheriting-cluster.ts', import.meta.url))
    const child = startCommand(process.execPath, [...TSX, program], {}, [socket.fd])
    const [, worker] = /ready (\d+)/.exec(await child.says(/ready \d+/))!
    expect((await request(socket.port)).body).toBe(worker)
    await end(child)
  }, 60_000)

  test('is not restarted alone, and the error says why', async () => {
    const socket = await holdSocket()
    const { code, output } = await startServers({ web: { fd: 3 } }, [socket], { RESTARTED: 'web' }).ended
    expect(code).toBe(1)
    expect(output).toContain(
      'service "web": can\'t listen on fd 3 again: Node closed it with the listener of service "web", and can\'t open ' +
        'it twice; restart the process instead of the service [ERR_START_FAILED]',
    )
  }, 60_000)

  test('has it for itself', async () => {
    const socket = await holdSocket()
    const { code, output } = await startServers({ web: { fd: 3 }, admin: { fd: 3 } }, [socket]).ended
    expect(code).toBe(1)
    expect(output).toContain(
      'service "admin": can\'t listen on fd 3: service "web" listens on it; ' +
        'give each service a socket of its own [ERR_PORT_IN_USE]',
    )
  }, 60_000)
})

/** How a service with this `fd` ends in this process. */
const failure = async (fd: number | string) => {
  const error = await drive(http('web', (_, response) => response.end(), { fd })).ended()
  if (!(error instanceof ServiceError)) throw error
  return { code: error.code, why: error.message.replace(/^service "web": can't listen on /, '') }
}

describe('a name is an error when', () => {
  const pid = `${process.pid}`
  afterEach(() => void vi.unstubAllEnvs())

  test.each<[string, Record<string, string | undefined>, string, string | RegExp]>([
    [
      'nothing was passed',
      {},
      'web',
      /^fd "web": no sockets were passed to this process \(LISTEN_FDS is not set\); start/,
    ],
    ['the pid is missing', { LISTEN_FDS: '1' }, 'web', /\(LISTEN_PID is not set\); start .*, or give a port instead$/],
    [
      'it was passed to another process',
      { LISTEN_FDS: '1', LISTEN_FDNAMES: 'web', LISTEN_PID: '1' },
      'web',
      `fd "web": the sockets were passed to another process (LISTEN_PID is "1", this one is ${pid}); start node itself ` +
        '(ExecStart=/usr/bin/node main.js), for npm, tsx and shells start a process of their own',
    ],
    [
      'the number is none',
      { LISTEN_FDS: 'two\n', LISTEN_PID: pid },
      'web',
      /LISTEN_FDS must be .*, got "two\\n"; start/,
    ],
    [
      'the number is 0',
      { LISTEN_FDS: '0', LISTEN_PID: pid },
      'web',
      /no sockets were passed .* \(LISTEN_FDS is 0\); start/,
    ],
    [
      'the sockets have no names',
      { LISTEN_FDS: '1', LISTEN_PID: pid },
      'web',
      'fd "web": the sockets were passed without names (LISTEN_FDNAMES is not set); give a number, fd: 3',
    ],
    [
      'number and names differ',
      { LISTEN_FDS: '3', LISTEN_FDNAMES: 'web:admin', LISTEN_PID: pid },
      'web',
      'fd "web": LISTEN_FDS is 3, but LISTEN_FDNAMES has 2 ("web:admin"); correct them, or give a number, fd: 3',
    ],
    [
      'no socket has it',
      { LISTEN_FDS: '2', LISTEN_FDNAMES: 'web.socket:admin', LISTEN_PID: pid },
      'web',
      'fd "web": no socket of that name was passed; passed are "web.socket" (fd 3), "admin" (fd 4); ' +
        'set FileDescriptorName= in the .socket unit',
    ],
    [
      'there are many others',
      { LISTEN_FDS: '13', LISTEN_FDNAMES: Array.from({ length: 13 }, (_, n) => `n${n}`).join(':'), LISTEN_PID: pid },
      'web',
      /passed are "n0" \(fd 3\), .*, "n9" \(fd 12\) and 3 more; set/,
    ],
    [
      'it is a number in quotes',
      { LISTEN_FDS: '1', LISTEN_FDNAMES: 'web', LISTEN_PID: pid },
      '3',
      /^fd "3": no socket .*; for a number give it without quotes, fd: 3$/,
    ],
  ])('%s', async (_, env, fd, why) => {
    for (const name of ['LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PID']) vi.stubEnv(name, env[name])
    const failed = await failure(fd)
    expect(failed.code).toBe('ERR_START_FAILED')
    if (typeof why === 'string') expect(failed.why).toBe(why)
    else expect(failed.why).toMatch(why)
  })
})

describe('a number is an error when', () => {
  test('nothing is open under it', async () => {
    const fd = openSync('/dev/null', 'r')
    closeSync(fd)
    expect(await failure(fd)).toEqual({
      code: 'ERR_START_FAILED',
      why: `fd ${fd}: it is not open in this process; pass a listening socket under that number`,
    })
  })

  test('it is a file, which stays open', async () => {
    const fd = openSync('/dev/null', 'r')
    const { code, why } = await failure(fd)
    closeSync(fd)
    expect([code, why]).toEqual(['ERR_START_FAILED', `fd ${fd}: it is not a socket; pass a listening socket`])
  })

  test.runIf(process.platform === 'linux')('it is a connection, which stays open', async () => {
    const server = createServer(socket => socket.end('bye')).listen(0)
    const { port } = server.address() as { port: number }
    const socket = connect(port)
    await once(socket, 'connect')
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
    expect(await failure(fd)).toEqual({
      code: 'ERR_START_FAILED',
      why: `fd ${fd}: it is a socket that does not listen; pass one that does (in a .socket unit: Accept=no)`,
    })
    expect(String(await once(socket, 'data'))).toBe('bye')
    server.close()
  })

  test('a server of other code listens on it, which listens on', async () => {
    const server = createServer(socket => socket.end('other')).listen(0)
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    // The same again: nothing was taken.
    for (const _round of [1, 2])
      expect(await failure(fd)).toEqual({
        code: 'ERR_PORT_IN_USE',
        why: `fd ${fd}: other code of this process uses it; give each server a socket of its own`,
      })
    const socket = connect((server.address() as { port: number }).port)
    expect(String(await once(socket, 'data'))).toBe('other')
    server.close()
  })
})

test.each<[HttpOptions, string]>([
  [{ fd: 3, port: 80 }, 'fd and port exclude each other: a socket that is passed is bound already; leave one out'],
  [{ fd: 'web', host: '::1' }, 'fd and host exclude each other: '],
  [{ fd: 'web', path: '/run/web.sock' }, 'fd and path exclude each other: '],
  [{ fd: 'web', reusePort: true }, 'fd and reusePort exclude each other: '],
  [{ fd: -1 }, 'fd must be a number >= 0, or the name of a socket that is passed, got -1'],
  [{ fd: 3.5 }, 'fd must be a number >= 0, or '],
  [{ fd: '' }, 'fd must be a number >= 0, or the name of a socket that is passed, got ""'],
  [{ fd: null as never }, 'fd must be a number >= 0, or '],
])('%j is refused at once', (options, what) => {
  expect(() => http('web', (_, response) => response.end(), options)).toThrow(`service "web": ${what}`)
})
