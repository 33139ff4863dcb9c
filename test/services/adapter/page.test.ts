import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, Server } from 'node:net'
import { createInterface } from 'node:readline'
import { ServiceError, serviceGroup } from 'rx-service-group'
import { serviceConformance } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { gate } from '../http/driver.ts'
import { lineServer } from './line-server.ts'

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

test('the page about adapters shows the one that is tested here', () => {
  const [, imports, code] = /^(.*?)\n\n(.*)$/s.exec(readFileSync(new URL('line-server.ts', import.meta.url), 'utf8'))!
  const page = readFileSync(new URL('../../../src/services/README.md', import.meta.url), 'utf8')
  expect(page).toContain(imports)
  expect(page).toContain(code!.trim())
})

describe('the adapter of the page', () => {
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
