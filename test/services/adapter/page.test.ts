import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, Server } from 'node:net'
import { createInterface } from 'node:readline'
import { ServiceError, serviceGroup } from 'rx-service-group'
import { serviceConformance } from 'rx-service-group/testing'
import { filter, firstValueFrom, from, timeout } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { gate } from '../http/driver.ts'
import { lineServer } from './line-server.ts'
import { poller } from './poller.ts'

const ask = async (port: unknown, line: string): Promise<string> => {
  const socket = connect(Number(port), '127.0.0.1')
  const lines = createInterface(socket)
  try {
    const answered = once(lines, 'line')
    const failed = once(socket, 'close').then(() => Promise.reject(new Error('no answer came')))
    socket.write(`${line}\n`)
    const [answer] = await Promise.race([answered, failed])
    failed.catch(() => {})
    return answer
  } finally {
    lines.close()
    socket.destroy()
  }
}

/** The listening server on a port, as Node knows it. */
const serverAt = (port: unknown): Server | undefined => {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): unknown[] }
  const servers = handles.call(process).filter(handle => handle instanceof Server)
  return servers.find(server => (server.address() as AddressInfo | null)?.port === port)
}

const held = () => {
  const came = gate()
  const go = gate()
  const server = lineServer('lines', async line => {
    if (line !== 'slow') return line.toUpperCase()
    came.open()
    await go.opened
    return 'DONE'
  })
  return { server, came, go }
}

test.each(['poller.ts', 'line-server.ts'])('the page about adapters shows %s, which is tested here', file => {
  const [, imports, code] = /^(.*?)\n\n(.*)$/s.exec(readFileSync(new URL(file, import.meta.url), 'utf8'))!
  const page = readFileSync(new URL('../../../src/services/README.md', import.meta.url), 'utf8')
  expect(page).toContain(imports)
  expect(page).toContain(code!.trim())
})

describe('the poller of the page', () => {
  let polled = gate()
  let go = gate()
  let isHeld = false
  const checks = serviceConformance({
    create: () => {
      isHeld = false
      polled = gate()
      go = gate()
      const poll = async (signal: AbortSignal) => {
        polled.open()
        if (!isHeld) return
        const cut = once(signal, 'abort').then(() => Promise.reject(signal.reason))
        await Promise.race([go.opened, cut])
      }
      return poller('jobs', poll, 1)
    },
    use: () => {
      polled = gate()
      return firstValueFrom(from(polled.opened).pipe(timeout(1_000)))
    },
    work: async () => {
      isHeld = true
      polled = gate()
      await polled.opened
      return { done: go.opened, finish: go.open }
    },
  })

  test.each(checks)('$name', ({ run }) => run())

  test('warns by its health while polls fail, and tells each failure', async () => {
    const group = serviceGroup('shop').add(poller('jobs', () => Promise.reject(new Error('no table')), 1))
    const failed = firstValueFrom(group.events$.pipe(filter(event => event.kind === 'failure')))
    await group.start()
    expect(await failed).toMatchObject({ path: 'shop/jobs', what: 'a poll', error: { message: 'no table' } })
    expect(group.status.service('jobs')?.state).toMatchObject({ health: 'warn', detail: 'no table' })
    await group.stop()
  })

  test('refuses a pace that is none', () => {
    expect(() => poller('jobs', async () => {}, 0)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_DURATION' }))
  })
})

describe('the server of the page', () => {
  let latest = held()
  const checks = serviceConformance({
    create: () => {
      latest = held()
      return latest.server
    },
    use: async ({ info }) => expect(await ask(info?.['port'], 'hello')).toBe('HELLO'),
    work: async ({ info }) => {
      const done = ask(info?.['port'], 'slow')
      await latest.came.opened
      return { done, finish: latest.go.open }
    },
    broken: () => {
      const { port } = taken.address() as AddressInfo
      return lineServer('lines', line => line, { port })
    },
    crash: ({ info }) => serverAt(info?.['port'])!.emit('error', new Error('out of file descriptors')),
  })
  const taken = createServer().listen(0, '127.0.0.1')

  test.each(checks)('$name', ({ run }) => run())

  test('knows where it listens, as http() does', async () => {
    const lines = lineServer('lines', line => line)
    const group = serviceGroup('shop').add(lines)
    expect(lines.port).toBeUndefined()
    await group.start()
    expect(lines.url).toBe(`tcp://127.0.0.1:${lines.port}`)
    await group.stop()
    expect(lines.url).toBeUndefined()
  })

  test('tells a failed answer by its health, and what was cut at the end', async () => {
    const { server, came } = held()
    const group = serviceGroup('shop', { shutdownTimeout: 200 }).add(server)
    await group.start()
    const answer = ask(server.port, 'slow').catch(() => 'lost')
    await came.opened
    const { services } = await group.stop()
    expect(await answer).toBe('lost')
    expect(services[0]).toMatchObject({ outcome: 'forced', info: { cut: 1, cutWork: expect.stringContaining('slow') } })
  })

  test.each([
    [{ prot: 80 }, 'ERR_INVALID_OPTION', 'service "lines": unknown option prot; did you mean port?'],
    [{ port: -1 }, 'ERR_INVALID_OPTION', 'service "lines": port must be an integer from 0 to 65535, got -1'],
  ])('refuses %j', (options, code, message) => {
    const made = () => lineServer('lines', line => line, options as object)
    expect(made).toThrow(ServiceError)
    expect(made).toThrow(expect.objectContaining({ code, message }))
  })
})
