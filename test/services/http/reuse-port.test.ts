import { ServiceError } from 'rx-service-group'
import { type HttpOptions, http } from 'rx-service-group/http'
import { describe, expect, test } from 'vitest'
import { drive, holdPort, refuses, request } from './driver.ts'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const nodeCan = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)

const server = (name: string, options: HttpOptions) => http(name, (_, response) => response.end(name), options)

test('reusePort is true or false', () => {
  expect(() => server('web', { reusePort: 'yes' as never })).toThrow(
    'service "web": reusePort must be true or false, got "yes"',
  )
})

test.runIf(!nodeCan)('reusePort is refused at once by a Node that would ignore it, and false is not', () => {
  expect(() => server('web', { port: 80, reusePort: true })).toThrow(
    `service "web": reusePort needs Node 22.12, 23.1 or later, and this is ${process.version}; leave it out, ` +
      'or pass a socket to the process (fd)',
  )
  expect(() => server('web', { port: 80, reusePort: false })).not.toThrow()
})

describe.runIf(nodeCan && process.platform === 'linux')('servers with reusePort', () => {
  const place = { host: '127.0.0.1', reusePort: true }

  test('share a port, and one leaves while the other goes on', async () => {
    const old = drive(server('old', { ...place, port: 0 }))
    const port = await old.port()
    const next = drive(server('next', { ...place, port }))
    expect(await next.port()).toBe(port)
    const answers = new Set<string>()
    while (answers.size < 2) answers.add((await request(port)).body)
    await old.leave()
    for (let n = 0; n < 20; n++) expect((await request(port)).body).toBe('next')
    await next.leave()
    expect(await refuses(port)).toBe(true)
  })

  test('do not share it with a server that does not say so', async () => {
    const held = await holdPort()
    const error = await drive(server('web', { reusePort: true, port: held.port })).ended()
    held.release()
    expect(error).toBeInstanceOf(ServiceError)
    expect(error).toMatchObject({
      code: 'ERR_PORT_IN_USE',
      message:
        `service "web": can't listen on port ${held.port}: it is already in use by a server that does not share it; ` +
        'start that one with reusePort too, or stop it',
    })
  })

  test('need a port', () => {
    expect(() => server('web', { path: '/run/web.sock', reusePort: true })).toThrow(
      'service "web": reusePort is for a port, and a unix socket has none; leave it out',
    )
  })
})
